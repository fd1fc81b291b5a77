"""The heartbeat: systemd's watchdog is pinged as long as the queue turns."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lipsyncd.system.notify import Notifier

PINGS = 20  # in the watchdog's timeout: with so many it bears that one comes late


class Heartbeat:
    """The queue's beats, which a thread passes on.

    `pause` is how many seconds there may be between two of them, None if there is no watchdog.
    """

    def __init__(self, notifier: Notifier) -> None:
        timeout = notifier.watchdog_seconds
        self.pause = timeout / PINGS if timeout else None
        self._notifier = notifier
        self._pinged_at: float | None = None
        self._least_margin = notifier.watchdog_seconds
        self._has_beaten = False
        self._is_excused = False

    def beat(self) -> None:
        """The queue has turned."""
        self._has_beaten = True

    @contextmanager
    def waiting_for_disk(self) -> Iterator[None]:
        """In the block it need not turn, since no restart mends a disk."""
        self._is_excused = True
        try:
            yield
        finally:
            self._is_excused = False

    @property
    def least_margin(self) -> float | None:
        """The least that was left of the watchdog's timeout so far, in seconds; None without."""
        return None if self._least_margin is None else min(self._least_margin, self._margin())

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """In the block the watchdog hears of it, if there is one."""
        if self.pause is None:
            yield
            return
        stopped = threading.Event()
        thread = threading.Thread(target=self._run, args=[stopped], name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(self.pause):
            self.pass_on()

    def pass_on(self) -> None:
        """A ping, if the queue has beaten since the last one, or is excused."""
        if self._has_beaten or self._is_excused:
            self._has_beaten = False
            self._notifier.watchdog()
            self._least_margin, self._pinged_at = self.least_margin, time.monotonic()

    def _margin(self) -> float:
        """What is left until the timeout; all of it before the first ping."""
        since = 0.0 if self._pinged_at is None else time.monotonic() - self._pinged_at
        return (self._notifier.watchdog_seconds or 0.0) - since
