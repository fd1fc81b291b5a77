"""The inner edges of lips are moved to where the colours of a mouth change."""

import cv2
import numpy as np
import pytest
from support.media.lips import MIDDLE, lips_of

from lipsyncd.face.box import CROP
from lipsyncd.face.opening import exact

SCALE = 4
SKIN, LIP, GAP, TEETH = (190, 150, 130), (165, 80, 85), (50, 15, 20), (250, 245, 240)
ABOUT = 5.0, 8.0  # where a mesh finds the edges, in pixels from the middle


def painted(opening: tuple[float, float], inside: tuple[int, int, int] = TEETH) -> np.ndarray:
    """A crop of nothing but a mouth, SCALE times finer, so far open above and below its middle."""
    lips = lips_of(opening)
    picture = np.full((CROP * SCALE, CROP * SCALE, 3), SKIN, np.uint8)
    for edges, colour in (((lips.top, lips.bottom), LIP), ((lips.upper, lips.lower), inside)):
        outline = np.vstack([edges[0], edges[1][::-1]]) + 0.5
        cv2.fillPoly(picture, [np.round(SCALE * outline).astype(np.int32)], colour)
    noise = np.random.default_rng(1).normal(0, 3, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 1.5) + noise, 0, 255).astype(np.uint8)


def middle_of(edge: np.ndarray) -> float:
    """Its row in the middle of the mouth, from there."""
    return float(edge[len(edge) // 2, 1] - MIDDLE[1])


@pytest.mark.parametrize("inside", [TEETH, GAP], ids=["teeth", "dark"])
@pytest.mark.parametrize("opening", [(5, 8), (5, 5.5), (5, 10), (3.5, 8), (6, 6)])
def test_edges_are_found_where_the_colours_change(
    opening: tuple[float, float], inside: tuple[int, int, int]
) -> None:
    found = exact(lips_of(ABOUT), painted(opening, inside), SCALE)
    assert -middle_of(found.upper) == pytest.approx(opening[0], abs=0.7)
    assert middle_of(found.lower) == pytest.approx(opening[1], abs=0.7)


def test_outer_edges_and_corners_stay() -> None:
    about = lips_of(ABOUT)
    found = exact(about, painted((5, 5.5)), SCALE)
    np.testing.assert_array_equal(found.top, about.top)
    np.testing.assert_array_equal(found.bottom, about.bottom)
    np.testing.assert_allclose(found.lower[[0, -1], 1], about.lower[[0, -1], 1], atol=1e-9)
    np.testing.assert_allclose(found.lower[[0, -1], 0], about.lower[[0, -1], 0], atol=3.0)


def test_where_there_is_nothing_to_tell_lips_stay_as_they_were() -> None:
    about, flat = lips_of(ABOUT), np.full((CROP * SCALE, CROP * SCALE, 3), SKIN, np.uint8)
    found = exact(about, flat, SCALE)
    np.testing.assert_allclose(found.lower, about.lower, atol=0.5)
    np.testing.assert_allclose(found.upper, about.upper, atol=0.5)


def test_closed_lips_stay_as_they_were() -> None:
    closed = lips_of((0, 0))
    assert exact(closed, painted((0, 0)), SCALE) is closed


def test_the_same_picture_has_the_same_edges_whatever_was_looked_at_before() -> None:
    picture = painted((4, 10))
    first = exact(lips_of(ABOUT), picture, SCALE)
    exact(lips_of(ABOUT), painted((6, 6), GAP), SCALE)
    again = exact(lips_of(ABOUT), picture, SCALE)
    np.testing.assert_array_equal(again.lower, first.lower)
    np.testing.assert_array_equal(again.upper, first.upper)


def test_the_picture_is_never_written_to() -> None:
    picture = painted((4, 10))
    before = picture.copy()
    exact(lips_of(ABOUT), picture, SCALE)
    np.testing.assert_array_equal(picture, before)
