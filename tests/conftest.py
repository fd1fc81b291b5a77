"""What every test has: one limit of time, so that a wait for an event can be a plain wait."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

LIMIT_SECONDS = 120


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """A test that waits for what never comes fails, instead of waiting for ever."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"waited longer than {LIMIT_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
