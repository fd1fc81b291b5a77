"""An open mouth in a frame is closed without a trace of its teeth."""

import math

import cv2
import numpy as np
import pytest
from support.media.lips import CORNER, HALF, MIDDLE, OPEN, OUTER, lips_of
from support.media.synthetic import frame_of, textured

from lipsyncd.face.box import Box
from lipsyncd.face.lips import MEETING, SHUT
from lipsyncd.face.neutral import at_rest
from lipsyncd.face.warp import inverted, place_of
from lipsyncd.media.frame import Frame

WIDTH, HEIGHT = 320, 240
SKIN, LIP, GAP, TEETH = (190, 150, 130), (165, 80, 85), (50, 15, 20), (250, 245, 240)
CORNERS = 5.0  # pixels of the crop beside either corner in which no teeth are seen
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
    rgb[np.hypot((x - MIDDLE[0]) / (HALF + CORNER), (y - MIDDLE[1]) / OUTER[0]) < 1] = LIP
    rgb[(above < y) & (y < below)] = GAP
    row = (above < y) & (y < (above + below) / 2) & (np.abs(x - MIDDLE[0]) < HALF - CORNERS)
    rgb[row] = TEETH
    return frame_of(cv2.GaussianBlur(rgb, (0, 0), 0.7))


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
