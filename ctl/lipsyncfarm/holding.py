"""One job that this host holds, from its inputs to its published result.

Who is to blame decides: what the user's files are to blame for ends the job at once, what this host
cannot do another tries, and what has not begun here is given back as if nothing had been.
"""

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import IO, Any

from lipsyncctl import Job
from lipsyncd.errors import (
    AccessDenied,
    InputError,
    InternalError,
    InvalidRequest,
    JobInterrupted,
    LipsyncError,
    QueueError,
    ServerUnreachable,
    StorageError,
)
from lipsyncd.system.disk import disk_named
from lipsyncfarm import identity
from lipsyncfarm.local import LocalJob, Tools
from lipsyncfarm.record import Taken
from lipsyncfarm.spec import Spec, hash_of

log = logging.getLogger(__name__)

NOT_NOW = (QueueError, ServerUnreachable, StorageError, AccessDenied)  # before a job has begun
PAUSES = (1, 2, 4, 8, 16, *[30] * 9)  # seconds before the store is asked to take a result again
STOP = "stop"  # what a holding is told last
RETRY = 1.0  # seconds before Redis is asked again
PROGRESS = ("done", "total", "faces", "fps", "notes")


class Called(Exception):
    """The job is wanted back: `cancel`, `lost`, `stop` or `drain`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Holding:
    """A job that was taken: `progress` is how far it is, for whoever renews its lease."""

    def __init__(self, tools: Tools, taken: Taken, is_drained: Callable[[], bool]) -> None:
        self.tools = tools
        self.taken = taken
        self.spec = Spec.loads(taken.spec)
        self.progress: dict[str, Any] | None = None
        self._local = LocalJob(tools, taken, self.spec)
        self._is_drained = is_drained
        self._word = ""
        self._told = threading.Event()

    def tell(self, word: str) -> None:
        """From another thread: it is wanted back, and why."""
        self._word = word if word == STOP else self._word or word
        self._told.set()

    def run(self) -> LipsyncError | None:
        """To its end here, whatever that is; the error if this host is to blame for one."""
        try:
            try:
                return self._run()
            except Called as called:
                self._leave(called.word)
        except Called:  # once more, and Redis does not answer: the next bridge goes on
            pass
        except Exception as error:
            log.exception("%s: a mistake of ours", self.taken.id)
            return InternalError(f"The bridge broke: {error}.", "Look at its log.")
        return None

    def _run(self) -> LipsyncError | None:
        try:
            self._refuse_forged()
            self._begin()
            self._settle(self._local.follow(self._told, self._look))
        except (InputError, InvalidRequest) as error:
            self._end("failed", error=error.as_map())
        except LipsyncError as error:
            if isinstance(error, NOT_NOW) and not self._local.job:
                self._note("is given back: %s", error)
                self._give_back()
            else:
                self._note("fails here: %s", error)
                self._moved(partial(self.tools.record.fail, *self._names, error))
                self._forget()
            return error
        return None

    @property
    def _names(self) -> tuple[str, int]:
        return self.taken.id, self.taken.fence

    def _refuse_forged(self) -> None:
        farm, spec = self.tools.farm, self.spec
        try:
            identity.check(farm, spec.user, self.taken)
            if spec.priority == "high" and spec.user not in farm.admins:
                raise AccessDenied("High priority is for admins.", "Choose normal.")
        except AccessDenied as error:
            self._end("failed", error=error.as_map())
            raise Called("ended") from error

    def _begin(self) -> None:
        if self._word:
            raise Called(self._word)
        local = self._local.submit()
        fields = {"LIPSYNCFARM_JOB_ID": self.taken.id, "LIPSYNCD_JOB_ID": local.id}
        log.info("%s is job %s here", self.taken.id, local.id, extra={"fields": fields})

    def _look(self, job: Job) -> None:
        self.progress = {name: job.get(name) for name in PROGRESS}
        if self._word and not job.is_ended:
            raise Called(self._word)
        if job.state == "queued" and self._is_drained():
            raise Called("drain")

    def _settle(self, job: Job) -> None:
        """What the daemon's job has come to becomes what the farm's has come to."""
        match job.state:
            case "succeeded":
                self._publish()
            case "expired":
                self._end("expired", error=job["error"])
            case "failed" if job.error:
                raise job.error
            case _:
                raise JobInterrupted(f"There it was {job.state}.", "`retry` it.")

    def _publish(self) -> None:
        path = f"results/{self.taken.id}.{self.taken.fence}.{self.spec.format}"
        scratch = self.tools.scratch
        with disk_named("the bridge"), tempfile.TemporaryFile(dir=scratch) as file:
            self._local.fetch(file)
            sha256, size = hash_of(file.fileno())
            self._store(path, file)
        result = {"result": path, "result_bytes": size, "result_sha256": sha256}
        if self._end("succeeded", **result) != "done":
            self.tools.store.remove(path)  # somebody holds a newer fence

    def _store(self, path: str, file: IO[bytes]) -> None:
        """A store that is away, or full, may not be so for long.  Raises JobInterrupted."""
        for pause in PAUSES:
            try:
                return self.tools.store.put(path, file)
            except (StorageError, AccessDenied) as error:
                self._note("waits for the store: %s", error)
                last = error
                if self._told.wait(pause):
                    raise Called(self._word) from error
        raise JobInterrupted(f"Its result found no place: {last.message}", last.hint) from last

    def _leave(self, word: str) -> None:
        """It is wanted back."""
        if word == "cancel":
            self._forget()
            self._finish("cancelled")
        elif word == "lost":
            self._note("is %s", "not ours any more")
            self._forget()
        elif word == "drain" or (self._local.job and self._local.job.state == "queued"):
            self._give_back()
        # else this process stops: the daemon goes on, and so does the next bridge

    def _give_back(self) -> None:
        """First here, then there: by our doing a job is never in two places."""
        self._forget()
        self._moved(lambda: self.tools.record.back(*self._names))

    def _end(self, state: str, **fields: Any) -> str:
        said = self._finish(state, **fields)
        self._forget()
        return said

    def _finish(self, state: str, **fields: Any) -> str:
        told = {"progress": self.progress} if self.progress else {}
        said = self._moved(lambda: self.tools.record.finish(*self._names, state, **told, **fields))
        self._note("%s", f"{state}: {said}")
        return said

    def _moved(self, move: Callable[[], str]) -> str:
        """A move, however long Redis is away; and again if it has forgotten the job."""
        while True:
            try:
                if (said := move()) != "gone":
                    return said
                self.tools.record.restore(self.taken, self.spec)
            except (ServerUnreachable, StorageError):
                if self._word == STOP:
                    raise Called(STOP) from None
                time.sleep(RETRY)

    def _forget(self) -> None:
        """The daemon here forgets it, now or when it is back."""
        self.tools.held.leave(self.taken)
        try:
            self._local.forget()
        except LipsyncError as error:
            self._note("is to be forgotten here later: %s", error)

    def _note(self, words: str, value: object) -> None:
        fields = {"LIPSYNCFARM_JOB_ID": self.taken.id}
        log.info(f"%s {words}", self.taken.id, value, extra={"fields": fields})
