"""A box is half-open, at sub-pixel places, and knows how much it shares with another."""

import numpy as np
import pytest

from lipsyncd.face.box import CROP, Box, ellipse

SQUARE = Box(10, 20, 30, 40)


def test_a_box_has_the_size_between_its_edges() -> None:
    box = Box(1.5, 2.0, 4.0, 8.0)
    assert (box.width, box.height, box.area) == (2.5, 6.0, 15.0)


def test_the_middle_lies_between_the_edges() -> None:
    assert Box(1.5, 2.0, 4.0, 8.0).middle.tolist() == [2.75, 5.0]


def test_a_box_that_is_turned_inside_out_has_no_area() -> None:
    assert Box(30, 20, 10, 40).area == 0
    assert Box(30, 40, 10, 20).area == 0


def test_a_box_as_an_array_is_its_edges_in_the_order_of_the_fields() -> None:
    array = Box(1.5, 2.0, 4.0, 8.0).array()
    assert array.tolist() == [1.5, 2.0, 4.0, 8.0]
    assert array.dtype == np.float64


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1.0),
        (Box(20, 20, 40, 40), 200 / 600),
        (Box(20, 30, 40, 50), 100 / 700),
        (Box(15, 25, 25, 35), 100 / 400),
        (Box(30, 20, 50, 40), 0.0),
        (Box(50, 60, 70, 80), 0.0),
        (Box(10, 60, 30, 80), 0.0),
    ],
)
def test_overlap_is_the_shared_area_over_that_of_both(other: Box, expected: float) -> None:
    assert SQUARE.overlap(other) == pytest.approx(expected)
    assert other.overlap(SQUARE) == pytest.approx(expected)


def test_a_lowered_box_moves_its_bottom_alone() -> None:
    assert SQUARE.lowered(0.05, 10) == Box(10, 20, 30, 51)
    assert SQUARE.lowered(0.0, 0) == SQUARE


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        ((10, 20), True),
        ((29.9, 39.9), True),
        ((30, 30), False),
        ((20, 40), False),
        ((9, 30), False),
    ],
)
def test_a_box_holds_its_first_pixel_and_not_the_one_behind_its_last(
    point: tuple[float, float], inside: bool
) -> None:
    assert SQUARE.holds(*point) is inside


def test_an_ellipse_is_1_inside_and_falls_to_0_at_its_radii() -> None:
    mask = ellipse(centre=(40, 60), radii=(30, 20), core=0.5)
    assert (mask.shape, mask.dtype) == ((CROP, CROP), np.float32)
    assert (mask[60, 25:56] == 1).all()
    assert (mask[50:71, 40] == 1).all()
    assert (np.diff(mask[60, 55:71]) < 0).all()
    assert mask[60, 70] == mask[80, 40] == 0
    assert mask[60, 69] > 0
    assert (mask[81:] == 0).all()


def test_an_ellipse_has_no_step() -> None:
    mask = ellipse(centre=(47.5, 47.5), radii=(40, 40), core=0.5)
    assert max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)) < 0.08
