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
        self._heartbeat = heartbeat

    def beat(self) -> None:
        """Something that proves life has just been done."""
        self._heartbeat.beaten(self)

    def __str__(self) -> str:
        return f"job {self.job.id}" if self.job else "the queue or its warm pass"


class Heartbeat:
    """A ping is sent when every life has beaten since the last one: none can hide another's hang.

    The ping goes out in the thread that beats: a thread of its own would have to wait for the
    interpreter, which a native call may hold from the moment after the beat.
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
            life.beaten_at = now = time.monotonic()
            if self.pause is None or now - self._pinged_at < self.pause:
                return
            if all(each.beaten_at > self._pinged_at for each in self._lives):
                self._notifier.watchdog()
                self._pinged_at = now

    @property
    def lives(self) -> list[Life]:
        """All that have to beat at this moment."""
        with self._lock:
            return list(self._lives)

    @property
    def slowest(self) -> Life | None:
        """The life that has not beaten for the longest time."""
        return min(self.lives, key=lambda life: life.beaten_at, default=None)


class StallAlarm:
    """A thread that tells the journal what was going on when the watchdog is about to strike."""

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
        left = ALARM * self._timeout
        while not self._stopped.wait(left):
            left = ALARM * self._timeout
            if life := self._heartbeat.slowest:
                silent = time.monotonic() - life.beaten_at
                left -= silent
            if left <= 0:
                self._tell(life, silent)
                left = self._timeout

    def _tell(self, life: Life, seconds: float) -> None:
        text = "watchdog: %s has not moved for %.1f s; systemd is about to restart lipsyncd"
        emit(WATCHDOG_STALL, text, life, seconds, job=life.job)
