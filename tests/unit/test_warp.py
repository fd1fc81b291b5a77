"""What is cut from a plane is put back at the same place, at every size, angle and position."""

import math

import cv2
import numpy as np
import pytest

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.warp import (
    chained,
    from_pixel,
    gather,
    in_plane,
    inverted,
    moved,
    place_of,
    spread,
    touched,
)

SIDES = [30.0, 64.5, 96.0, 131.7, 250.3, 400.0]
WHOLE = CROP, CROP
LOWER = CROP, CROP // 2


def slope(width: int, height: int, across: float, down: float, middle: float = 128) -> np.ndarray:
    """A plane that rises evenly, `middle` in its middle; in float32, so that
    rounding hides nothing."""
    columns, rows = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    return (middle + across * columns + down * rows[:, None]).astype(np.float32)


def turned(side: float, angle: float, middle: tuple[float, float] = (280, 250)) -> np.ndarray:
    """The place of a square crop whose middle is that of a pixel, turned clockwise."""
    cos, sin = side / CROP * math.cos(angle), side / CROP * math.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([matrix, middle - matrix @ np.full(2, (CROP - 1) / 2)])


def led(matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """The columns and the rows to which a matrix leads."""
    return tuple(across * columns + down * rows + shift for across, down, shift in matrix)


# Places


@pytest.mark.parametrize("subsampling", [1, 2])
def test_the_corners_of_a_crop_are_the_corners_of_its_box(subsampling: int) -> None:
    """Pixel centres lie half a pixel inside: the crop's place -0.5 is the box's edge."""
    matrix = in_plane(place_of(Box(10.25, 20.5, 58.25, 116.5)), subsampling)
    first, last = matrix @ [-0.5, -0.5, 1], matrix @ [95.5, 95.5, 1]
    np.testing.assert_allclose((first + 0.5) * subsampling, [10.25, 20.5])
    np.testing.assert_allclose((last + 0.5) * subsampling, [58.25, 116.5])


def test_a_place_in_a_plane_leaves_the_place_as_it_is() -> None:
    place = place_of(Box(10, 20, 50, 70))
    copy = place.copy()
    in_plane(place, 2)
    moved(place, (slice(5, 9), slice(3, 8)))
    np.testing.assert_array_equal(place, copy)


def test_chained_matrices_do_the_inner_one_first() -> None:
    inner, outer = turned(50, 0.3), turned(200, -1.1, (7, 9))
    point = np.array([12.5, 80.25])
    there = inner @ [*point, 1]
    np.testing.assert_allclose(chained(outer, inner) @ [*point, 1], outer @ [*there, 1])


def test_an_inverted_matrix_leads_back() -> None:
    matrix = turned(133, 0.4)
    for both in (chained(inverted(matrix), matrix), chained(matrix, inverted(matrix))):
        np.testing.assert_allclose(both, np.eye(2, 3), atol=1e-12)


def test_a_patch_of_a_crop_begins_at_its_first_pixel() -> None:
    matrix = turned(133, 0.4)
    part = from_pixel(matrix, 9, 48)
    np.testing.assert_allclose(part @ [3, 5, 1], matrix @ [12, 53, 1])


# What a patch touches


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(10.2, 20.9, 30.1, 39.9), (slice(20, 40), slice(10, 31))),
        (Box(-5, -9, 7.9, 7.9), (slice(0, 8), slice(0, 8))),
        (Box(90, 70, 130, 110), (slice(70, 80), slice(90, 100))),
        (Box(200, 200, 220, 220), (slice(79, 80), slice(99, 100))),
        (Box(-50, -50, -20, -20), (slice(0, 1), slice(0, 1))),
    ],
)
def test_a_crop_touches_at_least_one_sample(box: Box, expected: tuple[slice, slice]) -> None:
    plane = np.zeros((80, 100), np.uint8)
    assert touched(plane, place_of(box), WHOLE) == expected
    assert gather(plane, place_of(box)).shape == (CROP, CROP)


@pytest.mark.parametrize("angle", [-2.5, -0.4, 0.2, 1.5, 3.0])
def test_a_turned_patch_touches_all_that_lies_under_its_pixels(angle: float) -> None:
    plane, matrix = np.zeros((500, 560), np.uint8), turned(120, angle)
    rows, columns = touched(plane, matrix, LOWER)
    x, y = led(matrix, *np.mgrid[: LOWER[1], : LOWER[0]])
    assert columns.start <= x.min() < columns.start + 1.5
    assert rows.start <= y.min() < rows.start + 1.5
    assert columns.stop - 2.5 < x.max() <= columns.stop - 1
    assert rows.stop - 2.5 < y.max() <= rows.stop - 1


# Gathering and spreading


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("subsampling", [1, 2])
@pytest.mark.parametrize("angle", [0.0, 0.35, -1.2])
def test_a_patch_shows_what_lies_under_its_pixels(
    side: float, subsampling: int, angle: float
) -> None:
    """An even slope tells where each pixel of the patch was taken, to a fraction of a pixel."""
    across, down = 0.31, 0.17
    plane = slope(640 // subsampling, 600 // subsampling, across, down)
    matrix = in_plane(turned(side, angle, (311.3, 290.9)), subsampling)
    patch = gather(plane, matrix)
    x, y = led(matrix, *np.mgrid[:CROP, :CROP])
    columns, rows = x - (plane.shape[1] - 1) / 2, y - (plane.shape[0] - 1) / 2
    error = patch - (128 + across * columns + down * rows)
    assert np.abs(error[2:-2, 2:-2]).max() < 0.1
    assert abs(error.mean()) < 0.03


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("subsampling", [1, 2])
@pytest.mark.parametrize("angle", [0.0, 0.35])
@pytest.mark.parametrize("interpolation", [cv2.INTER_LINEAR, cv2.INTER_CUBIC])
def test_a_smooth_picture_survives_the_round_trip(
    side: float, subsampling: int, angle: float, interpolation: int
) -> None:
    """Cut out and made large again, away from the edges: the same at the same place."""
    plane = slope(640 // subsampling, 600 // subsampling, -0.2, 0.2)
    matrix = in_plane(turned(side, angle, (311.3, 290.9)), subsampling)
    region = touched(plane, matrix, WHOLE)
    back = spread(gather(plane, matrix), matrix, region, interpolation)
    x, y = led(inverted(matrix), *np.mgrid[region])
    margin = max(3, 2 * CROP / side * subsampling)
    inner = (np.minimum(x, y) >= margin) & (np.maximum(x, y) <= CROP - 1 - margin)
    assert back.shape == inner.shape
    assert inner.mean() > 0.2
    error = (back - plane[region])[inner]
    assert np.abs(error).max() < 0.1
    assert abs(error.mean()) < 0.03


def test_a_patch_of_ones_becomes_ones_under_the_patch_alone() -> None:
    plane = np.zeros((120, 160), np.uint8)
    matrix = from_pixel(place_of(Box(40.5, 6, 88.5, 54)), 0, 48)
    region = touched(plane, matrix, LOWER)
    assert region == (slice(30, 54), slice(40, 89))
    grown = spread(np.ones((48, CROP), np.float32), matrix, region, cv2.INTER_LINEAR)
    np.testing.assert_allclose(grown[1:-1, 2:-2], 1, atol=1e-6)
    assert grown.min() >= 0
    assert (grown[:, [0, -1]] < 1).all(), "half of these samples lies outside the patch"


def test_the_channels_of_a_patch_grow_alike() -> None:
    patch = np.random.default_rng(2).random((48, 78, 4), np.float32)
    matrix, region = in_plane(turned(90, 0.3, (85, 60)), 2), (slice(10, 50), slice(20, 70))
    grown = spread(patch, matrix, region, cv2.INTER_CUBIC)
    for channel in range(4):
        alone = spread(patch[..., channel].copy(), matrix, region, cv2.INTER_CUBIC)
        np.testing.assert_allclose(grown[..., channel], alone, atol=1e-6)


@pytest.mark.parametrize("side", [60.0, 400.0])
@pytest.mark.parametrize("place", [(-21.5, 30.0), (40.0, -17.0), (-9.3, -8.1)])
def test_beyond_the_edge_a_patch_repeats_it(side: float, place: tuple[float, float]) -> None:
    """The same as if the picture had been made larger by repeating its edges."""
    coarse = np.random.default_rng(1).integers(0, 256, (24, 28), np.uint8)
    plane = cv2.resize(coarse, (560, 480), interpolation=cv2.INTER_CUBIC)
    around = np.pad(plane, 64, mode="edge")
    matrix = place_of(Box(place[0], place[1], place[0] + side, place[1] + side))
    one, other = gather(plane, matrix), gather(around, matrix + [[0, 0, 64]] * 2)
    assert np.abs(one.astype(int) - other).max() <= (1 if side < 2 * CROP else 12)
    assert np.abs(one.astype(int) - other).mean() < 1
