"""A box is half-open, at sub-pixel places, and knows how much it shares with another."""

import numpy as np
import pytest

from lipsyncd.face.box import Box, mean_box

SQUARE = Box(10, 20, 30, 40)


def test_a_box_has_the_size_between_its_edges() -> None:
    box = Box(1.5, 2.0, 4.0, 8.0)
    assert (box.width, box.height, box.area) == (2.5, 6.0, 15.0)


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


def test_a_mean_box_is_weighted() -> None:
    mean = mean_box([Box(0, 0, 10, 10), Box(4, 8, 14, 18)], np.array([3.0, 1.0]))
    assert mean == Box(1, 2, 11, 12)
