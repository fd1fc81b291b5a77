"""Lips tell how far they are open, and an open mouth is closed without a trace of its teeth."""

import math

import cv2
import numpy as np
import pytest
from support.media.synthetic import frame_of, textured

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.lips import (
    CORNERS,
    FINE,
    MEETING,
    SHUT,
    Lips,
    applied,
    closing_of,
)
from lipsyncd.face.neutral import at_rest
from lipsyncd.face.warp import inverted, place_of
from lipsyncd.media.frame import Frame

WIDTH, HEIGHT = 320, 240
SKIN, LIP, GAP, TEETH = (190, 150, 130), (165, 80, 85), (50, 15, 20), (250, 245, 240)
MIDDLE, HALF = (47.5, 72.0), 17.0  # of a mouth, in a crop
OPEN = 5.0, 8.0  # pixels of the crop by which either lip is away from the middle
STILL_ABOVE, STILL_BELOW = 44, 95  # rows of a crop: the nose, and below the chin
EYE = place_of(Box(0, 0, CROP, CROP))


def turned(angle: float, scale: float = 2.0) -> np.ndarray:
    """The place of an inclined crop in the middle of the frame."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, (160, 100) - matrix @ MIDDLE])


PLACES = {
    "upright": place_of(Box(64.3, 10.8, 260.3, 230.8)),
    "small": place_of(Box(100, 60, 190, 160)),
    "inclined": turned(0.4),
}
every_place = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


def lips_of(opening: tuple[float, float] = OPEN, place: np.ndarray = EYE) -> Lips:
    """Lips in a frame, whose crop is at a place."""
    across = np.linspace(-1, 1, 11)
    arch, columns = 1 - across**2, MIDDLE[0] + HALF * across
    upper = np.column_stack([columns, MIDDLE[1] - opening[0] * arch])
    lower = np.column_stack([columns, MIDDLE[1] + opening[1] * arch])
    return Lips(upper, lower).moved(place)


def in_crop(place: np.ndarray, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Where the samples of a plane are in the crop: across and down."""
    rows, columns = np.mgrid[: HEIGHT // step, : WIDTH // step] * step + (step - 1) / 2
    x, y = (a * columns + b * rows + c for a, b, c in inverted(place))
    return x, y


def painted_mouth(place: np.ndarray, opening: tuple[float, float] = OPEN, seed: int = 0) -> Frame:
    """A face of nothing but a mouth; below a bright row of teeth its opening is dark."""
    x, y = in_crop(place)
    arch = np.clip(1 - ((x - MIDDLE[0]) / HALF) ** 2, 0, 1)
    above, below = MIDDLE[1] - opening[0] * arch, MIDDLE[1] + opening[1] * arch
    rgb = np.full((HEIGHT, WIDTH, 3), SKIN, np.uint8)
    if seed:
        rgb = cv2.addWeighted(rgb, 0.7, textured(seed, WIDTH, HEIGHT), 0.3, 0)
    rgb[np.hypot((x - MIDDLE[0]) / (HALF + 4), (y - MIDDLE[1]) / 13) < 1] = LIP
    rgb[(above < y) & (y < below)] = GAP
    row = (above < y) & (y < (above + below) / 2) & (np.abs(x - MIDDLE[0]) < HALF - CORNERS)
    rgb[row] = TEETH
    return frame_of(cv2.GaussianBlur(rgb, (0, 0), 0.7))


def luma_of(rgb: tuple[int, int, int]) -> float:
    return 16 + 219 / 255 * float(np.dot(rgb, (0.299, 0.587, 0.114)))


# Openness


@pytest.mark.parametrize("place", [EYE, turned(0.4), turned(-1.5, 3), turned(2.5, 0.5)])
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


@pytest.mark.parametrize("opening", [(0, 0), (0.5, 0.5), (-2, -2)])
def test_a_closed_mouth_needs_no_closing(opening: tuple[float, float]) -> None:
    assert lips_of(opening).openness < SHUT
    assert closing_of(lips_of(opening), EYE) is None


def test_what_can_be_no_mouth_is_not_closed() -> None:
    away = place_of(Box(-30, 0, 66, 96))
    assert closing_of(lips_of(), EYE) is not None
    assert closing_of(lips_of(), away) is None


def test_both_lips_are_taken_to_where_they_meet() -> None:
    """There the pixels of either lip's edge come to lie, and a little of the edge goes as well."""
    closing = closing_of(lips_of(), EYE)
    assert closing is not None
    assert (closing.shape, closing.dtype) == ((CROP * FINE, CROP * FINE, 4), "f4")
    column = closing[:, round(MIDDLE[0] * FINE) + 2]
    meeting = int(np.argmin(np.abs(column[:, 2])))
    row, gap = (meeting + 0.5) / FINE - 0.5, sum(OPEN)
    above, beneath = row + column[meeting, 0], row + column[meeting, 1]
    assert MIDDLE[1] - OPEN[0] - 0.35 * gap < above <= MIDDLE[1] - OPEN[0]
    assert MIDDLE[1] + OPEN[1] <= beneath < MIDDLE[1] + OPEN[1] + 0.35 * gap
    assert (row - above) / (beneath - above) == pytest.approx(MEETING, abs=0.02)


def test_a_closing_moves_nothing_beyond_its_rows_or_beside_the_mouth() -> None:
    closing = closing_of(lips_of(), EYE)
    assert closing is not None
    below, shade = applied(closing)
    rows = (np.arange(CROP * FINE) + 0.5) / FINE - 0.5
    assert not below[(rows <= STILL_ABOVE) | (rows >= STILL_BELOW)].any()
    assert np.abs(below).max() > 5
    beside = np.abs(rows - MIDDLE[0]) > HALF + 5
    assert np.abs(below[:, beside]).max() < 0.01
    assert np.abs(shade[:, beside]).max() < 0.01


def test_what_is_moved_is_never_folded() -> None:
    """Going down a column, the rows that are taken go down, too; but where the lips meet."""
    closing = closing_of(lips_of(), EYE)
    assert closing is not None
    below, _ = applied(closing)
    rows = (np.arange(CROP * FINE) + 0.5) / FINE - 0.5
    assert (np.diff(rows[:, None] + below, axis=0) > 0).all()


# In a frame


@every_place
def test_no_teeth_are_left_of_an_open_mouth(place: np.ndarray) -> None:
    frame = painted_mouth(place)
    after = at_rest(frame, place, lips_of(place=place))
    assert frame.planes()[0].max() > luma_of(TEETH) - 15
    assert after.planes()[0].max() < luma_of(SKIN) + 4


@every_place
def test_lips_meet_where_the_opening_was(place: np.ndarray) -> None:
    """A line is left between them, which is not as dark as the opening."""
    x, y = in_crop(place)
    meeting = MIDDLE[1] - OPEN[0] + MEETING * sum(OPEN)
    mouth = np.hypot((x - MIDDLE[0]) / (HALF - CORNERS), (y - meeting) / 3) < 1
    frame = painted_mouth(place)
    before, after = (
        each.planes()[0][mouth] for each in (frame, at_rest(frame, place, lips_of(place=place)))
    )
    assert np.ptp(before) > 90
    assert after.min() > 0.6 * luma_of(LIP)
    assert np.median(after) == pytest.approx(luma_of(LIP), abs=8)


@every_place
def test_nothing_moves_beyond_the_rows_of_the_closing(place: np.ndarray) -> None:
    frame = painted_mouth(place, seed=3)
    after = at_rest(frame, place, lips_of(place=place))
    for step, old, new in zip((1, 2, 2), frame.planes(), after.planes(), strict=True):
        x, y = in_crop(place, step)
        still = (y < STILL_ABOVE) | (y > STILL_BELOW) | (np.abs(x - MIDDLE[0]) > HALF + 6)
        np.testing.assert_array_equal(new[still], old[still])
        assert (new != old).any()


def test_a_closed_mouth_is_left_as_it_is() -> None:
    frame, place = painted_mouth(PLACES["upright"], (0, 0), seed=3), PLACES["upright"]
    assert at_rest(frame, place, lips_of((0, 0), place)) is frame


def test_lips_that_are_found_where_none_can_be_are_left_as_they_are() -> None:
    place = PLACES["upright"]
    frame = painted_mouth(place, seed=3)
    assert at_rest(frame, place, lips_of(place=turned(0, 0.2))) is frame


def test_the_frame_itself_is_never_written_to() -> None:
    place = PLACES["upright"]
    frame = painted_mouth(place, seed=3)
    copy = frame.i420()
    after = at_rest(frame, place, lips_of(place=place))
    np.testing.assert_array_equal(frame.i420(), copy)
    assert (after.index, after.picture.colorspace) == (frame.index, frame.picture.colorspace)
