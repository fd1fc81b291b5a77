"""Signs of life: the render thread gives them, and only they make systemd's watchdog content."""

import threading
import time

from lipsyncd.board import Board
from lipsyncd.events import WATCHDOG_STALL, emit
from lipsyncd.notify import Notifier

PINGS = 10  # at most so many in the watchdog's patience: one before each call, however long
ALARM = 0.9  # of the watchdog's patience without a beat: it will strike


class Heartbeat:
    """Each beat is evidence that frames advance, or that the device was proven a moment ago.

    The ping goes out in the thread that beats: a thread of its own would have to wait for the
    interpreter, which a native call may hold from the moment after the beat.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._pinged_at = -float("inf")
        self.beaten_at = time.monotonic()

    def beat(self) -> None:
        """Something that proves life has just been done."""
        self.beaten_at = time.monotonic()
        patience = self._notifier.watchdog_seconds
        if patience and self.beaten_at - self._pinged_at >= patience / PINGS:
            self._notifier.watchdog()
            self._pinged_at = self.beaten_at


class StallAlarm:
    """A thread that tells the journal what was going on when the watchdog is about to strike."""

    def __init__(self, heartbeat: Heartbeat, board: Board, patience: float) -> None:
        """`patience` is the watchdog's, in seconds."""
        self._heartbeat = heartbeat
        self._board = board
        self._patience = patience
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
        beaten_at = time.monotonic()
        while not self._stopped.wait(max(beaten_at + ALARM * self._patience - time.monotonic(), 0)):
            if self._heartbeat.beaten_at <= beaten_at:
                self._tell(time.monotonic() - beaten_at)
                self._stopped.wait(self._patience)
            beaten_at = max(beaten_at, self._heartbeat.beaten_at)

    def _tell(self, seconds: float) -> None:
        job = next(iter(self._board.running), None)
        what = f"job {job.id}" if job else "the warm pass"
        text = "watchdog: %s has not moved for %.1f s; systemd is about to restart lipsyncd"
        emit(WATCHDOG_STALL, text, what, seconds, job=job)
