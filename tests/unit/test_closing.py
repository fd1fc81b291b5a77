"""An open mouth in a frame is closed without a trace of its teeth."""

import math

import numpy as np
import pytest
from support.media.lips import (
    CORNERS,
    HALF,
    LIP,
    MIDDLE,
    OPEN,
    SKIN,
    TEETH,
    in_crop,
    lips_of,
    painted_mouth,
)

from lipsyncd.face.box import Box
from lipsyncd.face.lips import MEETING, SHUT, Lips
from lipsyncd.face.neutral import closed, opened
from lipsyncd.face.warp import place_of
from lipsyncd.media.frame import Frame

STILL_ABOVE, STILL_BELOW = 44, 95  # rows of a crop: the nose, and below the chin


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


def at_rest(frame: Frame, place: np.ndarray, lips: Lips) -> Frame:
    """The frame with its mouth closed, if it is open."""
    inside = opened(frame, place, lips)
    return closed(frame, place, inside) if inside else frame


def luma_of(rgb: tuple[int, int, int]) -> float:
    return 16 + 219 / 255 * float(np.dot(rgb, (0.299, 0.587, 0.114)))


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


@pytest.mark.parametrize("opening", [(0, 0), (0.5, 0.5), (-2, -2)])
def test_a_closed_mouth_is_left_as_it_is(opening: tuple[float, float]) -> None:
    place = PLACES["upright"]
    frame, lips = painted_mouth(place, opening, seed=3), lips_of(opening, place)
    assert lips.openness < SHUT
    assert at_rest(frame, place, lips) is frame


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
