"""What `wait` says of a job where no terminal redraws a line."""

import io
from typing import Any

import pytest

from lipsyncctl.show.progress import ProgressLine
from lipsyncd.protocol.options import Options
from lipsyncd.queue.transitions import new_job

DRAINED = "The queue is drained: maintenance."


class Log:
    """Plain lines, without the name of the command and the job, at times that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = io.StringIO()
        self.line = ProgressLine(self.stream)
        self.job = new_job(0, "speaker.mp4", "hello.wav", Options())
        self.now = 100.0
        monkeypatch.setattr("lipsyncctl.show.progress.time.monotonic", lambda: self.now)

    def show(self, after: float, **changes: Any) -> None:
        """The job as it is so many seconds after the last time."""
        self.now += after
        self.line.show(self.job.as_map() | changes)

    @property
    def lines(self) -> list[str]:
        told = self.stream.getvalue().replace("lipsyncctl: ", "")
        return told.replace(f"job {self.job.id}: ", "").splitlines()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch)


def test_a_place_that_changes_is_told_but_not_at_once(log: Log) -> None:
    log.show(0, position=3, eta=None)
    log.show(1, position=2, eta=None)
    log.show(5, position=1, eta=None)
    assert log.lines == ["queued, 3rd", "queued, 1st"]


def test_what_does_not_change_is_told_once(log: Log) -> None:
    for _ in range(5):
        log.show(10, position=3, eta=None)
    assert log.lines == ["queued, 3rd"]


def test_a_start_is_told_again_when_it_is_a_quarter_closer(log: Log) -> None:
    for eta in (100.0, 90.0, 80.0, 74.0, 60.0):
        log.show(10, position=1, eta=eta)
    assert log.lines == ["queued, 1st, in 100 s", "queued, 1st, in 74 s"]


def test_a_render_that_goes_on_is_told_now_and_then(log: Log) -> None:
    for done in range(1, 8):
        log.show(2, state="running", done=done, total=9)
    assert log.lines == [f"running, {done} of 9 frames" for done in (1, 4, 7)]


def test_a_new_state_is_told_at_once(log: Log) -> None:
    log.show(0, position=1, eta=0.0)
    log.show(0, state="running")
    assert log.lines == ["queued, 1st, soon", "running"]


def test_a_pause_is_told_when_it_begins_and_when_it_ends(log: Log) -> None:
    log.show(0, position=1, eta=None)
    for _ in range(3):
        log.show(1, position=1, eta=None, paused=DRAINED)
    log.show(1, position=1, eta=None)
    assert log.lines == ["queued, 1st", DRAINED, "The queue goes on."]


def test_a_job_that_starts_ends_a_pause(log: Log) -> None:
    log.show(0, position=1, eta=None, paused=DRAINED)
    log.show(1, state="running")
    assert log.lines == [DRAINED, "queued, 1st", "The queue goes on.", "running"]


def test_a_reason_cannot_steer_the_terminal(log: Log) -> None:
    log.show(0, paused="\033[2J")
    assert "\033" not in log.stream.getvalue()
