"""Only a clock that was set has jumped: not one that slept, was read late, or of another boot."""

import time
from dataclasses import replace

import pytest

from lipsyncd.system.clock import STALE, TOLERANCE, Moment, this_moment

HOUR = 3600.0
FIRST = Moment(wall=1_800_000_000.0, up=500.0, boot="4c0a")


def after(moment: Moment, seconds: float, set_by: float = 0.0) -> Moment:
    """So many seconds later in the same boot, and the clock was set meanwhile."""
    return replace(moment, wall=moment.wall + seconds + set_by, up=moment.up + seconds)


@pytest.fixture
def noted() -> str:
    seconds, note = FIRST.jump(None)
    assert seconds == 0
    return note


def test_time_that_passes_is_no_jump_and_needs_no_new_note(noted: str) -> None:
    for seconds in (0.0, 5.0, STALE - 1):
        assert after(FIRST, seconds).jump(noted) == (0.0, noted)


@pytest.mark.parametrize("set_by", [HOUR, -HOUR, 2.5, -2.5])
def test_a_clock_that_was_set_is_told_once(noted: str, set_by: float) -> None:
    now = after(FIRST, 5.0, set_by)
    seconds, note = now.jump(noted)
    assert seconds == pytest.approx(set_by, abs=0.01)
    assert after(now, 5.0).jump(note) == (0.0, note)


def test_small_steps_count_once_they_are_together_a_large_one(noted: str) -> None:
    now, told = FIRST, []
    for _ in range(4):
        now = after(now, STALE + 1, set_by=0.75)
        seconds, noted = now.jump(noted)
        told.append(round(seconds, 2))
    assert told == [0, 0, 2.25, 0]
    assert TOLERANCE < 2.25


def test_the_time_a_machine_was_off_is_no_jump(noted: str) -> None:
    rebooted = Moment(wall=FIRST.wall + 86_400, up=20.0, boot="77e1")
    seconds, note = rebooted.jump(noted)
    assert seconds == 0
    assert after(rebooted, 5.0, HOUR).jump(note)[0] == pytest.approx(HOUR, abs=0.01)


def test_a_clock_that_a_boot_put_back_is_set_again_without_a_trace(noted: str) -> None:
    rebooted = Moment(wall=86_400.0, up=20.0, boot="77e1")  # no battery: the second day of 1970
    back, note = rebooted.jump(noted)
    assert back == pytest.approx(rebooted.wall - FIRST.wall, abs=0.01)
    years = FIRST.wall + 600 - rebooted.wall
    forward, _ = after(rebooted, 30.0, years).jump(note)
    assert back + forward == pytest.approx(600, abs=0.01)


def test_a_note_is_renewed_now_and_then_so_that_a_boot_cannot_go_far_back(noted: str) -> None:
    later = after(FIRST, STALE + 1)
    seconds, renewed = later.jump(noted)
    assert (seconds, renewed) != (0.0, noted)
    rebooted = Moment(wall=FIRST.wall + 1, up=20.0, boot="77e1")
    assert rebooted.jump(renewed)[0] == pytest.approx(-STALE, abs=0.01)


@pytest.mark.parametrize("note", ["", "4c0a", "4c0a then now", "a b c d", "4c0a 1.0 x"])
def test_a_note_that_cannot_be_read_is_as_good_as_none(note: str) -> None:
    assert FIRST.jump(note) == FIRST.jump(None)


def test_the_real_clocks_agree_as_long_as_nobody_sets_them() -> None:
    first = this_moment()
    _, noted = first.jump(None)
    second = this_moment()
    assert second.jump(noted) == (0.0, noted)
    assert first.boot == second.boot
    assert abs(first.wall - time.time()) < 60
    assert first.up <= second.up


def test_a_process_that_is_stopped_between_two_clocks_reads_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ups, walls = iter([500.0, 560.0, 560.0, 560.01]), iter([FIRST.wall, FIRST.wall + 60])
    monkeypatch.setattr("time.clock_gettime", lambda _clock: next(ups))
    monkeypatch.setattr("time.time", lambda: next(walls))
    moment = this_moment()
    assert (moment.up, moment.wall) == (560.0, FIRST.wall + 60)
