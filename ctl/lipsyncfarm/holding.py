"""One job that this host holds, from its inputs to its published result.

Who is to blame decides: what the user's files are to blame for ends the job at once, what this host
cannot do another tries, and what has not begun here is given back as if nothing had been.
"""

import logging
import tempfile
import threading
import time
from collections.abc import Callable
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
from lipsyncfarm.ending import STOP, Called, Ending
from lipsyncfarm.local import LocalJob, Tools
from lipsyncfarm.record import Taken
from lipsyncfarm.shares import PLAN, Cut, Shares, discard
from lipsyncfarm.spec import Input, Spec, hash_of

log = logging.getLogger(__name__)

NOT_NOW = (QueueError, ServerUnreachable, StorageError, AccessDenied)  # before a job has begun
PAUSES = (1, 2, 4, 8, 16, *[30] * 9)  # seconds before the store is asked to take a result again
LOOK = 0.5  # seconds between two looks at shares
PROGRESS = ("done", "total", "faces", "fps", "notes")


class Long(Exception):
    """The job is long, and others are free: it is made in shares."""

    def __init__(self, cut: Cut) -> None:
        super().__init__(cut)
        self.cut = cut


class Holding:
    """A job that was taken: `progress` is how far it is, for whoever renews its lease; while it
    `is_led` others make shares of it, and nothing is rendered for it here."""

    def __init__(
        self,
        tools: Tools,
        taken: Taken,
        is_drained: Callable[[], bool],
        cut_of: Callable[[str, int], Cut | None],
    ) -> None:
        """`cut_of` tells of so many frames of a job into which shares they are cut, if they are."""
        self.tools = tools
        self.taken = taken
        self.spec = Spec.loads(taken.spec)
        self.progress: dict[str, Any] | None = None
        self.moved_at = time.monotonic()  # when there was news of it last
        self._local = LocalJob(tools, taken, self.spec)
        self._is_drained = is_drained
        self._cut_of = cut_of
        self._was_led = False
        self.is_led = False
        self._word = ""
        self._told = threading.Event()
        self._ending = Ending(tools, taken, self.spec, self._local, self._is_stopped)

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
            self._settle(self._rendered())
        except (InputError, InvalidRequest) as error:
            self._end("failed", error=error.as_map())
        except LipsyncError as error:
            if isinstance(error, NOT_NOW) and not self._local.job:
                self._ending.note("is given back: %s", error)
                self._ending.give_back()
            else:
                self._ending.fail(error)
            return error
        return None

    def _refuse_forged(self) -> None:
        farm, spec = self.tools.farm, self.spec
        try:
            identity.check(farm, spec.user, self.taken)
            if spec.priority == "high" and spec.user not in farm.admins:
                raise AccessDenied("High priority is for admins.", "Choose normal.")
        except AccessDenied as error:
            self._end("failed", error=error.as_map())
            raise Called("ended") from error

    def _rendered(self) -> Job:
        """What has come of it at the daemon; of a long one shares come from others before."""
        try:
            return self._local.follow(self._told, self._look)
        except Long as long:
            self._ending.note("is made in shares: %d", long.cut.shares)
            self._local.drop()
            with tempfile.TemporaryFile(dir=self.tools.scratch) as work:
                self._was_led = True
                self._lead(Shares(self.tools, self.taken, self.spec, long.cut), work)
                self._begin(work)
            return self._local.follow(self._told, self._look)

    def _lead(self, shares: Shares, work: IO[bytes]) -> None:
        """What is seen of the face is found out here; then others make their shares."""
        self._begin(share=PLAN)
        job = self._local.follow(self._told, self._look)
        if job.state != "succeeded":
            raise job.error or JobInterrupted(f"There it was {job.state}.", "`retry` it.")
        self._local.fetch(work)
        seen = Input("work", *hash_of(work.fileno()))
        self._store(seen.path, work)
        self.is_led = True
        for progress in shares.made(seen, work):
            self._tell(progress)
            self._told.wait(LOOK)
            if self._word:
                raise Called(self._word)
        self.is_led = False

    def _begin(self, work: IO[bytes] | None = None, share: str | None = None) -> None:
        if self._word:
            raise Called(self._word)
        local = self._local.submit(work, share)
        fields = {"LIPSYNCFARM_JOB_ID": self.taken.id, "LIPSYNCD_JOB_ID": local.id}
        log.info("%s is job %s here", self.taken.id, local.id, extra={"fields": fields})

    def _look(self, job: Job) -> None:
        self._tell({name: job.get(name) for name in PROGRESS})
        if self._word and not job.is_ended:
            raise Called(self._word)
        if job.state == "queued" and self._is_drained():
            raise Called("drain")
        is_new = self.spec.is_whole and not self._was_led and not job.done
        if is_new and (cut := self._cut_of(self.taken.id, job.total)):
            raise Long(cut)

    def _is_stopped(self) -> bool:
        return self._word == STOP

    def _tell(self, progress: dict[str, Any]) -> None:
        if progress != self.progress:
            self.progress, self.moved_at = progress, time.monotonic()

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
                self._ending.note("waits for the store: %s", error)
                last = error
                if self._told.wait(pause):
                    raise Called(self._word) from error
        raise JobInterrupted(f"Its result found no place: {last.message}", last.hint) from last

    def _leave(self, word: str) -> None:
        """It is wanted back."""
        if word == "cancel":
            self._ending.forget()
            self._ending.finish("cancelled")
        elif word == "lost":
            self._ending.note("is %s", "not ours any more")
            self._ending.forget()
        elif word == "drain" or (self._local.job and self._local.job.state == "queued"):
            self._ending.give_back()
        # else this process stops: the daemon goes on, and so does the next bridge

    def _end(self, state: str, **fields: Any) -> str:
        told = {"progress": self.progress} if self.progress else {}
        said = self._ending.finish(state, **told, **fields)
        self._ending.forget()
        if said == "done":
            discard(self.tools.record, self.tools.store, self.taken.id)
        return said
