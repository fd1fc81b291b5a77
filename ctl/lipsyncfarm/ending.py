"""How a job leaves this host: the record is told, however long Redis is away, and the daemon."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from lipsyncd.errors import LipsyncError, ServerUnreachable, StorageError
from lipsyncfarm.local import LocalJob, Tools
from lipsyncfarm.record import Taken
from lipsyncfarm.spec import Spec

log = logging.getLogger(__name__)

RETRY = 1.0  # seconds before Redis is asked again
STOP = "stop"  # what a holding is told last
LOST = "lost"  # said of a job that is not this host's any more


class Called(Exception):
    """The job is wanted back: `cancel`, `lost`, `stop` or `drain`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Ending:
    """The last moves of a job that this host holds.  Each says what the record says, and raises
    Called if Redis is away while the bridge stops."""

    def __init__(
        self,
        tools: Tools,
        taken: Taken,
        spec: Spec,
        local: LocalJob,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._tools = tools
        self._taken = taken
        self._spec = spec
        self._local = local
        self._is_stopped = is_stopped
        self._names = taken.id, taken.fence

    def finish(self, state: str, **fields: Any) -> str:
        """What has become of it."""
        said = self._moved(partial(self._tools.record.finish, *self._names, state, **fields))
        self.note("%s", f"{state}: {said}")
        return said

    def fail(self, error: LipsyncError) -> None:
        """This host cannot do it."""
        self.note("fails here: %s", error)
        self._moved(partial(self._tools.record.fail, *self._names, error))
        self.forget()

    def give_back(self) -> None:
        """First here, then there: by our doing a job is never in two places."""
        self.forget()
        self._moved(partial(self._tools.record.back, *self._names))

    def forget(self) -> None:
        """The daemon here forgets it, now or when it is back."""
        self._tools.held.leave(self._taken)
        try:
            self._local.forget()
        except LipsyncError as error:
            self.note("is to be forgotten here later: %s", error)

    def note(self, words: str, value: object) -> None:
        """For the journal, by the farm's id."""
        fields = {"LIPSYNCFARM_JOB_ID": self._taken.id}
        log.info(f"%s {words}", self._taken.id, value, extra={"fields": fields})

    def _moved(self, move: Callable[[], str]) -> str:
        """A move, however long Redis is away; and again if it has forgotten the job, unless that is
        a share that nobody waits for."""
        while True:
            try:
                if (said := move()) != "gone":
                    return said
                if self._tools.record.restore(self._taken, self._spec) == LOST:
                    return LOST
            except (ServerUnreachable, StorageError):
                if self._is_stopped():
                    raise Called(STOP) from None
                time.sleep(RETRY)
