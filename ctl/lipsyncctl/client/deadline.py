"""A limit of time for a whole command, whatever it is waiting for."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeIsUp(Exception):
    """The time limit has been reached."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raises TimeIsUp in the block after so many seconds; None: never."""
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, seconds or 0.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def seconds_left() -> float | None:
    """Until the limit is reached; None if there is none."""
    return signal.getitimer(signal.ITIMER_REAL)[0] or None


def _end(_number: int, _frame: FrameType | None) -> None:
    raise TimeIsUp
