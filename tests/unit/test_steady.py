"""A face that trembles becomes calm, without lag."""

import numpy as np
import pytest

from lipsyncd.face.box import Box
from lipsyncd.face.face import FIELDS, Face
from lipsyncd.face.track import REACH, steady

HERE = Box(100.0, 80.0, 200.0, 200.0)
ROW = Face(HERE, (130.0, 110, 170, 110, 150, 130, 134, 155, 166, 155)).row()


def standing(number: int) -> np.ndarray:
    """The rows of a face that stays where it is."""
    return np.tile(ROW, (number, 1))


def test_a_trembling_face_becomes_calm() -> None:
    tremble = np.random.default_rng(6).normal(0, 2, (200, 1))
    found = steady(standing(200) + tremble)
    assert found[REACH:-REACH].std(axis=0).max() < 1.0
    np.testing.assert_allclose(found.mean(axis=0), ROW, atol=0.5)


def test_a_smoothed_row_is_the_middle_of_a_symmetric_window() -> None:
    """One displaced row is felt alike before and after, and no further than the reach."""
    rows = standing(41)
    rows[20] += 50
    felt = steady(rows)[:, 0] - HERE.left
    np.testing.assert_allclose(felt[20 - REACH : 21], felt[20 : 21 + REACH][::-1], atol=1e-9)
    assert np.argmax(felt) == 20
    assert felt[20 - REACH] > 0.01
    assert felt.sum() == pytest.approx(50, rel=0.01)
    assert np.abs(felt[: 20 - REACH]).max() < 1e-9
    assert np.abs(felt[21 + REACH :]).max() < 1e-9


@pytest.mark.parametrize("length", [1, 2, 5, 9, 20])
def test_the_ends_of_a_run_stay_where_they_are(length: int) -> None:
    """There is nothing beyond them to be averaged with, and half a window would lag."""
    rows = np.random.default_rng(1).normal(100, 20, (length, FIELDS))
    found = steady(rows)
    np.testing.assert_allclose(found[[0, -1]], rows[[0, -1]])
    assert found.shape == rows.shape


def test_smoothing_leaves_what_it_is_given_as_it_is() -> None:
    rows = np.random.default_rng(1).normal(100, 20, (30, FIELDS))
    copy = rows.copy()
    steady(rows)
    np.testing.assert_array_equal(rows, copy)


def test_a_face_without_landmarks_is_smoothed_by_its_box() -> None:
    rows = np.tile(Face(HERE).row(), (13, 1))
    found = steady(rows)
    np.testing.assert_allclose(found[:, :4], rows[:, :4])
    assert np.isnan(found[:, 4:]).all()
