"""Signs of life: whatever works gives them, and only they make systemd's watchdog content."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lipsyncd.protocol.job import Job
from lipsyncd.system.catalog import WATCHDOG_STALL, emit
from lipsyncd.system.notify import Notifier

PINGS = 20  # at most so many in the watchdog's timeout: one just before each call, however long
ALARM = 0.9  # of the watchdog's timeout without a beat: it will strike


class Life:
    """Something that has to advance: a job's render, or the queue.  Made by `Heartbeat.life`."""

    def __init__(self, heartbeat: "Heartbeat", job: Job | None) -> None:
        self.job = job
        self.beaten_at = time.monotonic()
        self.is_excused = False
        self._heartbeat = heartbeat

    def beat(self) -> None:
        """Something that proves life has just been done."""
        self._heartbeat.beaten(self)

    @contextmanager
    def waiting_for_disk(self) -> Iterator[None]:
        """In the block it need not beat, since no restart mends a disk."""
        self.is_excused = True
        try:
            yield
        finally:
            self.beat()
            self.is_excused = False

    def __str__(self) -> str:
        return f"job {self.job.id}" if self.job else "the queue or its warm pass"


class Heartbeat:
    """A ping is sent when every life has beaten since the last one: none can hide another's hang.

    The ping goes out in the thread that beats: a thread of its own would have to wait for the
    interpreter, which a native call may hold from the moment after the beat.  Who waits for a disk
    is excused.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._lock = threading.Lock()
        self._lives: list[Life] = []
        self._pinged_at = -float("inf")

    @property
    def timeout(self) -> float | None:
        """The watchdog's, in seconds; None if there is no watchdog."""
        return self._notifier.watchdog_seconds

    @property
    def pause(self) -> float | None:
        """Seconds between two beats of who has nothing to do, while others work."""
        return self.timeout / PINGS if self.timeout else None

    @contextmanager
    def life(self, job: Job | None = None) -> Iterator[Life]:
        """A life that has to beat from now on, to the end of the block."""
        life = Life(self, job)
        with self._lock:
            self._lives.append(life)
        try:
            yield life
        finally:
            with self._lock:
                self._lives.remove(life)

    def beaten(self, life: Life) -> None:
        """This life has just proven itself."""
        with self._lock:
            life.beaten_at = time.monotonic()
            if all(each.is_excused or each.beaten_at > self._pinged_at for each in self._lives):
                self._ping()

    def stand_in(self) -> None:
        """A ping for those who wait for a disk, where nobody else is left to beat."""
        with self._lock:
            if all(each.is_excused for each in self._lives):
                self._ping()

    def _ping(self) -> None:
        now = time.monotonic()
        if self.pause is not None and now - self._pinged_at >= self.pause:
            self._notifier.watchdog()
            self._pinged_at = now

    @property
    def lives(self) -> list[Life]:
        """All that have to beat at this moment."""
        with self._lock:
            return list(self._lives)

    @property
    def slowest(self) -> Life | None:
        """The life that has not beaten for the longest time, of those that have to."""
        bound = (life for life in self.lives if not life.is_excused)
        return min(bound, key=lambda life: life.beaten_at, default=None)


class StallAlarm:
    """A thread that tells the journal what was going on when the watchdog is about to strike.

    It also answers the watchdog while everybody waits for a disk.
    """

    def __init__(self, heartbeat: Heartbeat, timeout: float) -> None:
        """`timeout` is the watchdog's, in seconds."""
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarm", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        told = 0.0  # when the one that was told of last had beaten
        while not self._stopped.wait(self._timeout / PINGS):
            self._heartbeat.stand_in()
            life = self._heartbeat.slowest
            silent = time.monotonic() - life.beaten_at if life else 0.0
            if life and silent >= ALARM * self._timeout and life.beaten_at != told:
                told = life.beaten_at
                self._tell(life, silent)

    def _tell(self, life: Life, seconds: float) -> None:
        text = "watchdog: %s has not moved for %.1f s; systemd is about to restart lipsyncd"
        emit(WATCHDOG_STALL, text, life, seconds, job=life.job)
