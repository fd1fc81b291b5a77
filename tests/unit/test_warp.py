"""What is cut from a plane is put back at the same place, at every size and sub-pixel position."""

import cv2
import numpy as np
import pytest

from lipsyncd.face.blend import CROP
from lipsyncd.face.box import Box
from lipsyncd.face.warp import enlarge, gather, matrix_of, touched

SIDES = [30.0, 64.5, 96.0, 131.7, 250.3, 400.0]


def slope(width: int, height: int, across: float, down: float, middle: float = 128) -> np.ndarray:
    """A plane that rises evenly, `middle` in its middle; in float32, so that
    rounding hides nothing."""
    columns, rows = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    return (middle + across * columns + down * rows[:, None]).astype(np.float32)


def test_the_corners_of_a_patch_are_the_corners_of_its_box() -> None:
    """Pixel centres lie half a pixel inside: a patch's place -0.5 is the box's edge."""
    box = Box(10.25, 20.5, 58.25, 116.5)
    for subsampling in (1, 2):
        matrix = matrix_of(box, (48, 96), subsampling)
        first = matrix @ [-0.5, -0.5, 1]
        last = matrix @ [95.5, 47.5, 1]
        np.testing.assert_allclose((first + 0.5) * subsampling, [10.25, 20.5])
        np.testing.assert_allclose((last + 0.5) * subsampling, [58.25, 116.5])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("subsampling", [1, 2])
@pytest.mark.parametrize("place", [(60.0, 40.0), (61.3, 40.9)])
def test_a_patch_shows_what_lies_under_its_pixels(
    side: float, subsampling: int, place: tuple[float, float]
) -> None:
    """An even slope tells where each pixel of the patch was taken, to a fraction of a pixel."""
    across, down = 0.31, 0.17
    plane = slope(560 // subsampling, 500 // subsampling, across, down)
    box = Box(place[0], place[1], place[0] + side, place[1] + side)
    patch = gather(plane, box, CROP, subsampling)
    inside = (np.arange(CROP) + 0.5) * side / CROP
    columns = (box.left + inside) / subsampling - plane.shape[1] / 2
    rows = (box.top + inside) / subsampling - plane.shape[0] / 2
    error = patch - (128 + across * columns + down * rows[:, None])
    assert np.abs(error[2:-2, 2:-2]).max() < 0.1
    assert abs(error.mean()) < 0.03


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("subsampling", [1, 2])
@pytest.mark.parametrize("interpolation", [cv2.INTER_LINEAR, cv2.INTER_CUBIC])
@pytest.mark.parametrize(("across", "down"), [(0.4, 0.0), (0.0, 0.4), (-0.2, 0.2)])
def test_a_smooth_picture_survives_the_round_trip(
    side: float, subsampling: int, interpolation: int, across: float, down: float
) -> None:
    """Cut out and made large again, away from the edges: the same at the same place."""
    plane = slope(560 // subsampling, 500 // subsampling, across, down)
    box = Box(61.3, 40.9, 61.3 + side, 40.9 + side)
    patch = gather(plane, box, CROP, subsampling)
    back = enlarge(patch, plane, box, subsampling, interpolation)
    region = plane[touched(plane, box, subsampling)]
    assert back.shape == region.shape
    margin = max(2, round(3 * side / CROP / subsampling))
    inner = np.s_[margin:-margin, margin:-margin]
    error = back[inner] - region[inner]
    assert np.abs(error).max() < 0.1
    assert abs(error.mean()) < 0.03


def test_a_patch_of_ones_becomes_ones_under_the_box_alone() -> None:
    plane = np.zeros((120, 160), np.uint8)
    box = Box(40.5, 30, 88.5, 54)
    grown = enlarge(np.ones((48, CROP), np.float32), plane, box, 1, cv2.INTER_LINEAR)
    rows, columns = touched(plane, box, 1)
    assert (rows, columns) == (slice(30, 54), slice(40, 89))
    np.testing.assert_allclose(grown[1:-1, 2:-2], 1, atol=1e-6)
    assert grown.min() >= 0
    assert (grown[:, [0, -1]] < 1).all(), "half of these samples lies outside the box"


def test_the_channels_of_a_patch_grow_alike() -> None:
    generator = np.random.default_rng(2)
    plane = np.zeros((120, 160), np.uint8)
    box = Box(40.2, 30.7, 130.1, 88.8)
    patch = generator.random((48, 78, 2), np.float32)
    grown = enlarge(patch, plane, box, 2, cv2.INTER_CUBIC)
    for channel in range(2):
        alone = enlarge(patch[..., channel].copy(), plane, box, 2, cv2.INTER_CUBIC)
        np.testing.assert_allclose(grown[..., channel], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(10.2, 20.9, 30.1, 40.0), (slice(20, 40), slice(10, 31))),
        (Box(-5, -9, 8, 8), (slice(0, 8), slice(0, 8))),
        (Box(90, 70, 130, 110), (slice(70, 80), slice(90, 100))),
        (Box(200, 200, 220, 220), (slice(79, 80), slice(99, 100))),
        (Box(-50, -50, -20, -20), (slice(0, 1), slice(0, 1))),
    ],
)
def test_a_box_touches_at_least_one_sample(box: Box, expected: tuple[slice, slice]) -> None:
    plane = np.zeros((80, 100), np.uint8)
    assert touched(plane, box, 1) == expected
    assert gather(plane, box, CROP, 1).shape == (CROP, CROP)


@pytest.mark.parametrize("side", [60.0, 400.0])
@pytest.mark.parametrize("place", [(-21.5, 30.0), (40.0, -17.0), (-9.3, -8.1)])
def test_beyond_the_edge_a_patch_repeats_it(side: float, place: tuple[float, float]) -> None:
    """The same as if the picture had been made larger by repeating its edges."""
    coarse = np.random.default_rng(1).integers(0, 256, (24, 28), np.uint8)
    plane = cv2.resize(coarse, (560, 480), interpolation=cv2.INTER_CUBIC)
    around = np.pad(plane, 64, mode="edge")
    box = Box(place[0], place[1], place[0] + side, place[1] + side)
    moved = Box(*(box.array() + 64).tolist())
    one, other = gather(plane, box, CROP, 1), gather(around, moved, CROP, 1)
    assert np.abs(one.astype(int) - other).max() <= (1 if side < 2 * CROP else 12)
    assert np.abs(one.astype(int) - other).mean() < 1
