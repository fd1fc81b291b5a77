"""When a job will start, from how long the others took."""

from dataclasses import replace
from itertools import islice

import pytest

from lipsyncd.jobs.job import Job, State, move, new_job
from lipsyncd.jobs.options import Options
from lipsyncd.jobs.pace import Pace


def running(total: int, done: int, fps: float) -> Job:
    job = move(new_job(0, "face", "voice", Options()), State.RUNNING)
    return replace(job, total=total, done=done, fps=fps)


def measured(*seconds: float) -> Pace:
    pace = Pace()
    for each in seconds:
        pace.add(each)
    return pace


def start(ahead: int, pace: Pace, running: list[Job], slots: int) -> float | None:
    """The seconds until a job starts that has so many others before it."""
    return next(islice(pace.starts(running, slots), ahead, None))


def test_with_a_free_slot_a_job_starts_at_once() -> None:
    assert start(0, Pace(), [], slots=1) == 0
    assert start(0, Pace(), [running(100, 0, 10)], slots=2) == 0


def test_the_first_in_line_waits_for_the_running_job() -> None:
    assert start(0, Pace(), [running(100, 50, 10)], slots=1) == 5


def test_before_anything_was_measured_nothing_is_promised() -> None:
    assert start(1, Pace(), [running(100, 50, 10)], slots=1) is None
    assert start(0, Pace(), [running(0, 0, 0)], slots=1) is None


def test_those_before_it_take_what_others_took() -> None:
    assert start(3, measured(4, 4), [running(100, 50, 10)], slots=1) == 5 + 3 * 4


def test_two_at_once_halve_the_wait() -> None:
    jobs = [running(100, 0, 10), running(100, 0, 10)]
    assert start(4, measured(10), jobs, slots=2) == 30


def test_newer_jobs_tell_more_than_older_ones() -> None:
    assert measured(*[10] * 20, *[2] * 20).mean == pytest.approx(2, abs=0.2)


def test_the_promise_holds_within_a_fifth_after_three_jobs() -> None:
    pace = measured(3.9, 4.1, 4.0)
    promised = start(5, pace, [running(100, 100, 25)], slots=1)
    assert promised == pytest.approx(5 * 4.0, rel=0.2)
