"""Gaps tell where no mouth is to be seen and why, and are refused where there are too many."""

from fractions import Fraction

import numpy as np
import pytest

from lipsyncd.errors import FaceAway
from lipsyncd.face.face import FIELDS
from lipsyncd.face.track import Track
from lipsyncd.protocol.options import Options
from lipsyncd.render.gaps import (
    AWAY,
    COVERED,
    REASONS,
    TURNED,
    Gap,
    gaps_of,
    notes_of,
    refuse_gaps,
)

RATE = Fraction(25)
NO_FACE, TURNED_AWAY, BEHIND = (REASONS[why] for why in (AWAY, TURNED, COVERED))


def track(start: int, strength: list[float]) -> Track:
    rows = np.zeros((len(strength), FIELDS), np.float32)
    return Track(start, rows, np.array(strength, np.float32), start)


def unturned(track: Track) -> tuple[Track, np.ndarray]:
    return track, np.zeros(len(track.rows), bool)


def away(start: int, stop: int) -> Gap:
    return Gap(start, stop, NO_FACE)


# Where they are


def test_a_face_that_is_always_seen_has_no_gaps() -> None:
    assert gaps_of(3, [unturned(track(0, [1.0, 0.2, 1.0]))]) == ()


def test_without_any_face_all_of_it_is_one_gap() -> None:
    assert gaps_of(7, []) == (away(0, 7),)


def test_before_and_after_a_face_there_is_none() -> None:
    assert gaps_of(10, [unturned(track(2, [1.0] * 5))]) == (away(0, 2), away(7, 10))


def test_a_mouth_that_is_not_shown_is_covered_or_its_head_is_turned() -> None:
    turned = np.array([False, False, False, True, True])
    gaps = gaps_of(5, [(track(0, [1, 0, 0, 0, 1]), turned)])
    assert gaps == (Gap(1, 3, BEHIND), Gap(3, 4, TURNED_AWAY))


@pytest.mark.parametrize("order", [1, -1])
def test_where_one_of_several_mouths_is_seen_there_is_no_gap(order: int) -> None:
    tracks = [unturned(track(0, [1, 0, 0, 1])), unturned(track(1, [0, 1, 1]))][::order]
    assert gaps_of(4, tracks) == (Gap(1, 2, BEHIND),)


# What is told of them


def test_nothing_is_told_where_there_are_none() -> None:
    assert notes_of((), RATE) == ()


def test_each_reason_is_told_once_with_its_times() -> None:
    gaps = away(0, 25), Gap(80, 120, TURNED_AWAY), away(1500, 1555)
    assert notes_of(gaps, RATE) == (
        "There is no face at 0:00.0-0:01.0, 1:00.0-1:02.2: the picture is left as it is.",
        "The head is turned too far at 0:03.2-0:04.8: the picture is left as it is.",
    )


def test_of_many_gaps_the_first_are_told_and_the_others_counted() -> None:
    (note,) = notes_of([away(25 * at, 25 * at + 5) for at in range(8)], RATE)
    assert note.count("-") == 3
    assert "0:02.0-0:02.2 and 5 more: " in note


def test_seconds_are_never_sixty() -> None:
    (note,) = notes_of([away(1499, 1500)], RATE)
    assert "at 1:00.0-1:00.0" in note


# When they are too much


def test_by_default_any_gap_is_borne_with() -> None:
    refuse_gaps([away(0, 99)], 100, Options(), RATE)


def test_a_mouth_that_is_seen_too_seldom_is_refused_with_figures() -> None:
    gaps = away(0, 10), away(50, 80)
    refuse_gaps(gaps, 100, Options(min_coverage=0.6), RATE)
    with pytest.raises(FaceAway, match="in 60 % of the frames, not in 61 %"):
        refuse_gaps(gaps, 100, Options(min_coverage=0.61), RATE)


def test_a_mouth_that_is_away_for_too_long_is_refused_with_its_time() -> None:
    gaps = away(0, 10), away(50, 100)
    refuse_gaps(gaps, 100, Options(max_gap=2.0), RATE)
    with pytest.raises(FaceAway, match=r"at 0:02\.0-0:04\.0, which is longer than 1\.9 s"):
        refuse_gaps(gaps, 100, Options(max_gap=1.9), RATE)


def test_a_gap_is_as_long_for_whatever_reasons_it_is_one() -> None:
    gaps = away(0, 30), Gap(30, 60, TURNED_AWAY), Gap(61, 90, BEHIND)
    with pytest.raises(FaceAway, match=r"0:00\.0-0:02\.4"):
        refuse_gaps(gaps, 100, Options(max_gap=2.0), RATE)


def test_with_a_max_gap_and_no_gap_nothing_is_refused() -> None:
    refuse_gaps([], 100, Options(max_gap=0.0, min_coverage=1.0), RATE)
