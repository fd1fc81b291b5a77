"""The pause: why the queue takes or starts nothing for now, by order or for lack of room."""

import threading
import time

from lipsyncd.config import LiveConfig
from lipsyncd.errors import DiskFull, LipsyncError, QueueDraining, StorageError
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.system.catalog import DISK_FULL, QUEUE_DRAINED, QUEUE_RESUMED, emit
from lipsyncd.system.clock import now

REST_SECONDS = 2.0  # after a fault of the disk, which may have passed by then
HYSTERESIS = 10  # a tenth more room than is needed ends a pause, so that it does not flicker
NOTE = "drained"  # in the store: the reason of a drain, over restarts
TRIAL = "trial"  # a note that is written only to see whether one can be


class Pause:
    """A drain, which lasts until somebody resumes, and a full disk, which passes by itself."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        live_config: LiveConfig,
        news: threading.Event | None = None,
    ) -> None:
        """`news` is set at each change."""
        self._news = news or threading.Event()
        self._store = store
        self._spool = spool
        self._live_config = live_config
        self._drained = store.note(NOTE)
        self._fault = ""
        self._rests_until = 0.0

    def blocks(self) -> bool:
        """Whether nothing is to be started; looks at the disk anew."""
        self._look()
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Why, in a sentence; empty while the queue goes on."""
        return self._fault or self._order

    def check_open(self) -> None:
        """Raise QueueDraining while nothing is to be accepted."""
        if self._order:
            raise QueueDraining(self._order, "Submit again when it is resumed.")

    def hold(self, reason: str) -> None:
        """Drained from now on, also after a restart; without a reason an earlier one stays."""
        words = reason or self._drained or ""
        self._store.set_note(NOTE, words)
        self._drained = words
        self._news.set()
        emit(QUEUE_DRAINED, "queue: %s", self._order)

    def resume(self) -> None:
        """Not drained any more."""
        if self._order:
            self._store.set_note(NOTE, None)
            self._drained = None
            self._news.set()
            emit(QUEUE_RESUMED, "queue: resumed")

    @property
    def _order(self) -> str:
        """The drain as a sentence; empty if there is none."""
        if self._drained is None:
            return ""
        return f"The queue is drained{f': {self._drained}' if self._drained else ''}."

    def has_room(self) -> bool:
        """Whether there is so much room on the disk that jobs may be started."""
        try:
            self.refuse_little_room(0)
        except StorageError:
            return False
        return True

    def tell(self, error: LipsyncError) -> None:
        """The disk failed the queue; told once, until it works again."""
        if not self._fault:
            emit(DISK_FULL, "queue: paused: %s %s", error.message, error.hint, ERROR=error.name)
        self._fault = f"The queue is paused: {error.message}"
        self._rests_until = time.monotonic() + REST_SECONDS
        self._news.set()

    def _look(self) -> None:
        """Whether the disk has room, and can be written to again."""
        if time.monotonic() < self._rests_until:
            return None
        least = self._live_config.config.limits.min_free_bytes
        try:
            self.refuse_little_room(least // HYSTERESIS if self._fault else 0)
            if self._fault:
                self._store.set_note(TRIAL, f"{now()}")
        except StorageError as error:
            return self.tell(error)
        if self._fault:
            self._fault = ""
            self._news.set()
            emit(QUEUE_RESUMED, "queue: goes on, the disk has room and can be written to")
        return None

    def refuse_little_room(self, taken: int) -> None:
        """Raise DiskFull if there is too little room on the disk once so many bytes are taken."""
        least = self._live_config.config.limits.min_free_bytes
        if self._spool.free_bytes() - taken < least:
            raise DiskFull(
                f"The disk of the state has less than {least >> 20} MiB left.",
                "Make room there; the queue goes on by itself.",
            )
