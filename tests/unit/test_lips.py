"""Lips tell how far they are open and how full they are, and how they are moved until they meet."""

import math

import numpy as np
import pytest
from support.media.lips import EYE, HALF, MIDDLE, OPEN, OUTER, lips_of

from lipsyncd.face.box import CROP
from lipsyncd.face.lips import FINE, MEETING, applied, closing_of

ROWS = (np.arange(CROP * FINE) + 0.5) / FINE - 0.5  # of a closing, in a crop; and its columns
STILL_ABOVE, STILL_BELOW = 44, 95  # rows of a crop: the nose, and below the chin
ACROSS = [MIDDLE[0] - 9, MIDDLE[0], MIDDLE[0] + 6]  # columns of the crop where the mouth is open


def turned(angle: float, scale: float = 2.0) -> np.ndarray:
    """The place of an inclined crop in a frame."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, (160, 100) - matrix @ MIDDLE])


def taken_at(closing: np.ndarray, across: float) -> tuple[np.ndarray, float]:
    """In a column: how far below each row is taken from, and the row where the lips meet."""
    column = int(np.argmin(np.abs(ROWS - across)))
    meeting = float(np.interp(0, closing[:, column, 2], ROWS))
    return applied(closing)[0][:, column], meeting


def edges_of(closing: np.ndarray) -> tuple[float, float]:
    """In the middle column: the rows that come to lie where the lips meet, of the upper lip and of
    the lower one."""
    column = closing[:, int(np.argmin(np.abs(ROWS - MIDDLE[0])))]
    meeting = float(np.interp(0, column[:, 2], ROWS))
    above, beneath = (meeting + float(np.interp(meeting, ROWS, column[:, at])) for at in (0, 1))
    return above, beneath


every_place = pytest.mark.parametrize(
    "place", [EYE, turned(0.4), turned(-1.5, 3), turned(2.5, 0.5)]
)


# Openness


@every_place
def test_openness_is_the_area_between_the_lips_by_the_square_of_their_width(
    place: np.ndarray,
) -> None:
    """However large the face is, and however it is inclined."""
    expected = 4 / 3 * HALF * sum(OPEN) / (2 * HALF) ** 2
    assert lips_of(place=place).openness == pytest.approx(expected, rel=0.02)


def test_lips_that_meet_are_closed() -> None:
    assert lips_of((0, 0)).openness == 0
    assert lips_of((-2, 2)).openness == 0, "they meet below the middle"


def test_lips_that_are_found_one_above_the_other_are_no_less_than_closed() -> None:
    assert lips_of((-3, -2)).openness == 0


# Plausibility


def test_a_mouth_in_its_usual_place_is_plausible() -> None:
    assert lips_of().are_plausible()
    assert lips_of((0, 0)).are_plausible()


@pytest.mark.parametrize("shift", [(-25, 0), (25, 0), (0, -25), (0, 25)])
def test_a_mouth_that_is_somewhere_else_in_the_crop_is_not_plausible(
    shift: tuple[float, float],
) -> None:
    away = np.column_stack([np.eye(2), shift])
    assert not lips_of(place=away).are_plausible()


@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_a_mouth_that_is_too_small_or_too_large_is_not_plausible(scale: float) -> None:
    sized = np.column_stack([scale * np.eye(2), (1 - scale) * np.array(MIDDLE)])
    assert not lips_of(place=sized).are_plausible()


# Closing


def test_a_closing_is_finer_than_the_crop() -> None:
    closing = closing_of(lips_of())
    assert (closing.shape, closing.dtype) == ((CROP * FINE, CROP * FINE, 4), "f4")


def test_closed_lips_stay_where_they_are() -> None:
    assert not applied(closing_of(lips_of((0, 0))))[0].any()


def test_both_lips_are_taken_to_where_they_meet() -> None:
    """There the pixels of either lip's edge come to lie, and a little of the edge goes as well."""
    closing = closing_of(lips_of())
    above, beneath = edges_of(closing)
    meeting = taken_at(closing, MIDDLE[0])[1]
    assert MIDDLE[1] - OPEN[0] - 2.5 < above < MIDDLE[1] - OPEN[0] - 0.2
    assert MIDDLE[1] + OPEN[1] + 0.2 < beneath < MIDDLE[1] + OPEN[1] + 2.5
    assert (meeting - above) / (beneath - above) == pytest.approx(MEETING, abs=0.02)


def test_of_a_thin_lip_no_more_than_a_quarter_goes() -> None:
    """However far the mouth is open."""
    thick = 1.0
    above, beneath = edges_of(closing_of(lips_of(outer=(OPEN[0] + thick, OPEN[1] + thick))))
    most = 0.3 * thick  # an outline is smooth
    assert MIDDLE[1] - OPEN[0] - most < above < MIDDLE[1] - OPEN[0]
    assert MIDDLE[1] + OPEN[1] < beneath < MIDDLE[1] + OPEN[1] + most


@pytest.mark.parametrize("across", ACROSS)
def test_each_lip_is_moved_as_a_whole(across: float) -> None:
    """Neither is drawn wider or pressed together: all of it goes as far as its inner edge."""
    lips = lips_of()
    below, meeting = taken_at(closing_of(lips), across)
    top, bottom = (np.interp(across, *edge.T) for edge in (lips.top, lips.bottom))
    taken, clear = ROWS + below, 0.5
    upper = below[(taken > top + clear) & (meeting - 1 / FINE > ROWS)]
    lower = below[(taken < bottom - clear) & (meeting + 1 / FINE < ROWS)]
    assert min(len(upper), len(lower)) > FINE
    np.testing.assert_allclose(upper, upper.mean(), atol=0.02)
    np.testing.assert_allclose(lower, lower.mean(), atol=0.02)
    assert upper.mean() < -1
    assert lower.mean() > 4


def test_what_is_around_the_lips_is_moved_the_less_the_farther_away_it_is() -> None:
    below, meeting = taken_at(closing_of(lips_of()), MIDDLE[0])
    above, beneath = below[meeting - 1 / FINE > ROWS], below[meeting + 1 / FINE < ROWS]
    assert (np.diff(above) <= 1e-4).all()
    assert (np.diff(beneath) <= 1e-4).all()
    chin = beneath[-16:]
    assert 0 < chin.max() < beneath.max() / 2


def test_a_closing_moves_nothing_beyond_its_rows_or_beside_the_mouth() -> None:
    below, shade = applied(closing_of(lips_of()))
    assert not below[(ROWS <= STILL_ABOVE) | (ROWS >= STILL_BELOW)].any()
    assert np.abs(below).max() > 5
    beside = np.abs(ROWS - MIDDLE[0]) > HALF + 5
    assert np.abs(below[:, beside]).max() < 0.01
    assert np.abs(shade[:, beside]).max() < 0.01


@pytest.mark.parametrize("outer", [OUTER, (6.0, 9.0)], ids=["full", "thin"])
def test_what_is_moved_is_never_folded(outer: tuple[float, float]) -> None:
    """Going down a column, the rows that are taken go down, too; but where the lips meet."""
    below, _ = applied(closing_of(lips_of(outer=outer)))
    assert (np.diff(ROWS[:, None] + below, axis=0) > 0).all()
