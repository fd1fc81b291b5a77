"""A result is divided into parts of some ten seconds, where shots begin if they do so nearby."""

from fractions import Fraction
from itertools import pairwise

import pytest

from lipsyncd.media.timeline import index_at
from lipsyncd.render.parts import parts_of, share_of

RATE = Fraction(25)
LENGTH = 1000  # frames of a source


def parts(total: int, *cuts: int, extend: str = "pingpong", length: int = LENGTH) -> list[range]:
    return parts_of(total, RATE, set(cuts), lambda number: index_at(number, length, extend))


@pytest.mark.parametrize("total", [1, 2, 249, 250, 374, 376, 1000, 90_001])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), RATE, Fraction(60)])
def test_each_frame_is_in_one_part(total: int, rate: Fraction) -> None:
    found = parts_of(total, rate, set(), lambda number: number)
    assert [found[0].start, found[-1].stop] == [0, total]
    assert all(before.stop == after.start for before, after in pairwise(found))
    if total > 15 * rate:
        assert all(6.5 * rate < len(part) < 15 * rate for part in found)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 9999])
def test_each_part_is_in_one_share(of: int) -> None:
    for count in (1, 2, 5, 360):
        shares = [share_of(f"{number}-{number + 1}/{of}", count) for number in range(of)]
        assert [part for share in shares for part in share] == list(range(count))
    assert share_of(f"0-{of}/{of}", 5) == share_of(None, 5) == range(5)
    assert not share_of(f"{of}-{of}/{of}", 5) and not share_of(f"{of + 1}-{of + 9}/{of}", 5)


@pytest.mark.parametrize("total", [1, 100, 374])
def test_a_short_result_is_one_part(total: int) -> None:
    assert parts(total, 50) == [range(total)]


def test_a_part_begins_where_a_shot_does_if_that_is_near() -> None:
    assert parts(500) == [range(250), range(250, 500)]
    assert parts(500, 260) == [range(260), range(260, 500)]
    assert parts(500, 230, 260) == [range(260), range(260, 500)]
    assert parts(500, 100, 299, 400) == [range(299), range(299, 500)]
    assert parts(500, 199, 301) == [range(250), range(250, 500)]


def test_a_shot_that_is_shown_backwards_begins_behind_its_end() -> None:
    assert [index_at(number, 200, "pingpong") for number in (199, 258, 259)] == [199, 140, 139]
    assert parts(500, 140, length=200)[0].stop == 259


def test_where_a_loop_begins_anew_is_no_cut() -> None:
    """Frame 248 of the result, which is nearer than the cut."""
    assert parts(500, 247, extend="loop", length=248)[0].stop == 247
