"""A slow warm pass is told."""

from collections.abc import Callable

import pytest

from lipsyncd.queue.selftest import WarmPass


class Clock:
    """A clock that the test moves, and passes that take as long as it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds = 0.0

    def take(self) -> None:
        self.now += self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def run(clock: Clock) -> Callable[..., None]:
    warm_pass = WarmPass(clock.take)

    def run(*latencies: float) -> None:
        for clock.seconds in latencies:
            warm_pass.run()

    return run


def test_usual_passes_are_not_told(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    run(0.9, *[0.005] * 20, 0.04)
    assert caplog.records == []


def test_a_pass_of_ten_times_the_median_is_told(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    run(*[0.005] * 20, 0.06)
    assert [each.getMessage() for each in caplog.records] == [
        "warm pass: took 60 ms, the median is 5 ms"
    ]


def test_a_pass_of_more_than_a_second_is_told_from_the_first_on(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    run(1.5)
    assert "took 1500 ms" in caplog.text
