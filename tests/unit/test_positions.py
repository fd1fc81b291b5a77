"""When a job will start, from how long the others took and how many one user may have at once."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.user import User
from lipsyncd.queue.positions import Eta, Forecast
from lipsyncd.queue.transitions import new_job

ALICE, BOB, CAROL = 1, 2, 3


def running(total: int, done: int, fps: float, owner: int = ALICE) -> Job:
    job = move(new_job(owner, "face", "voice", Options()), State.RUNNING)
    return replace(job, total=total, done=done, fps=fps)


def measured(*seconds: float) -> Eta:
    eta = Eta()
    for each in seconds:
        eta.add(each)
    return eta


def start(ahead: int, eta: Eta, running: list[Job], slots: int) -> float | None:
    """The seconds until a job starts that has so many others before it, all of different users."""
    forecast = eta.forecast(running, slots, share=max(1, slots - 1))
    return [forecast.start(User(owner)) for owner in range(100, 101 + ahead)][-1]


def starts(eta: Eta, running: list[Job], *owners: int, slots: int = 3) -> list[float | None]:
    """The seconds until the jobs of these owners start, as they stand in line."""
    forecast = eta.forecast(running, slots, share=max(1, slots - 1))
    return [forecast.start(User(owner)) for owner in owners]


def test_with_a_free_slot_a_job_starts_at_once() -> None:
    assert start(0, Eta(), [], slots=1) == 0
    assert start(0, Eta(), [running(100, 0, 10)], slots=2) == 0


def test_the_first_in_line_waits_for_the_running_job() -> None:
    assert start(0, Eta(), [running(100, 50, 10)], slots=1) == 5


def test_before_anything_was_measured_nothing_is_promised() -> None:
    assert start(1, Eta(), [running(100, 50, 10)], slots=1) is None
    assert start(0, Eta(), [running(0, 0, 0)], slots=1) is None


def test_those_before_it_take_what_others_took() -> None:
    assert start(3, measured(4, 4), [running(100, 50, 10)], slots=1) == 5 + 3 * 4


def test_two_at_once_halve_the_wait() -> None:
    jobs = [running(100, 0, 10), running(100, 0, 10)]
    assert start(4, measured(10), jobs, slots=2) == 30


def test_newer_jobs_tell_more_than_older_ones() -> None:
    assert measured(*[10] * 20, *[2] * 20).mean == pytest.approx(2, abs=0.2)


def test_the_promise_holds_within_a_fifth_after_three_jobs() -> None:
    eta = measured(3.9, 4.1, 4.0)
    promised = start(5, eta, [running(100, 100, 25)], slots=1)
    assert promised == pytest.approx(5 * 4.0, rel=0.2)


def test_who_has_as_much_as_one_may_waits_for_an_end_of_his_own() -> None:
    jobs = [running(1000, 0, 10), running(800, 0, 10), running(100, 50, 10, BOB)]
    assert starts(measured(4), jobs, ALICE, ALICE, ALICE) == [80, 84, 88]
    assert starts(measured(4), jobs[:2], ALICE) == [80]  # though a slot is free
    assert starts(measured(4), jobs, ALICE, CAROL, BOB, ALICE) == [80, 5, 9, 84]


def test_a_lone_user_has_all_slots_but_one() -> None:
    assert starts(measured(4), [], *[ALICE] * 5) == [0, 0, 4, 4, 8]
    assert starts(measured(4), [], *[ALICE] * 3, slots=1) == [0, 4, 8]
    assert starts(measured(4), [], *[ALICE] * 3, slots=2) == [0, 4, 8]


def test_who_waits_for_what_nobody_knows_keeps_nobody_else_in_the_dark() -> None:
    jobs = [running(0, 0, 0), running(0, 0, 0)]
    assert starts(Eta(), jobs, ALICE, BOB, CAROL) == [None, 0, None]
    endless = [running(10**9, 0, 1), running(10**9, 0, 1)]
    assert starts(measured(4), endless, ALICE, BOB, BOB, CAROL) == [10**9, 0, 4, 8]


def test_where_more_run_than_may_the_next_waits_until_enough_have_ended() -> None:
    jobs = [running(100, 0, 100 / end, owner) for end, owner in ((1, ALICE), (2, BOB), (3, BOB))]
    assert starts(measured(4), jobs, CAROL, slots=2) == [pytest.approx(2)]
    assert starts(measured(4), jobs, BOB, slots=2) == [pytest.approx(3)]
    assert starts(measured(4), jobs, CAROL, slots=1) == [pytest.approx(3)]


@given(
    running=some.lists(
        some.tuples(some.builds(User, some.integers(1, 3)), some.floats(0, 100)), max_size=6
    ),
    line=some.lists(some.builds(User, some.integers(1, 4)), max_size=20),
    slots=some.integers(1, 6),
    mean=some.floats(1, 50),
)
def test_nobody_has_more_at_once_than_may_be(
    running: list[tuple[User, float]], line: list[User], slots: int, mean: float
) -> None:
    share = max(1, slots - 1)
    forecast = Forecast(running, slots, share, mean)
    renders = [(user, 0.0, end) for user, end in running]
    for user in line:
        at = forecast.start(user)
        assert at is not None
        renders.append((user, at, at + mean))
        mine = [each for each in renders[:-1] if each[0] == user and each[1] <= at < each[2]]
        assert len(mine) < share
    for _, at, _ in renders[len(running) :]:
        assert sum(begun <= at < end for _, begun, end in renders) <= slots
