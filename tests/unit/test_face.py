"""A face is a box and five landmarks, which tell how the head is held and how wide the mouth is."""

import math

import numpy as np
import pytest

from lipsyncd.face.box import Box
from lipsyncd.face.face import FIELDS, Face

BOX = Box(100, 60, 200, 190)
# Seen from the front, upright: the eyes are 40 pixels apart, the corners of the mouth 32.
POINTS = np.array([[130, 110], [170, 110], [150, 130], [134, 155], [166, 155]], float)


def face(points: np.ndarray = POINTS) -> Face:
    return Face(BOX, tuple(points.ravel().tolist()))


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Clockwise, as it is seen, about the middle of the picture."""
    cos, sin = math.cos(angle), math.sin(angle)
    return (points - 150) @ np.array([[cos, sin], [-sin, cos]]) + 150


def test_a_row_is_the_box_and_then_the_landmarks() -> None:
    row = face().row()
    assert (row.shape, row.dtype) == ((FIELDS,), np.float64)
    assert row[:4].tolist() == [100, 60, 200, 190]
    np.testing.assert_array_equal(row[4:].reshape(5, 2), POINTS)


def test_a_row_makes_the_same_face_again() -> None:
    assert Face.of(face().row()) == face()
    single = Face.of(face().row().astype(np.float32))
    assert all(type(value) is float for value in single.landmarks)


def test_a_face_is_known_for_sure_unless_a_detector_says_how_far() -> None:
    assert face().score == 1.0
    assert Face.of(face().row(), 0.7).score == 0.7


def test_a_box_alone_is_a_face_without_landmarks() -> None:
    boxed = Face(BOX)
    assert not boxed.has_landmarks
    again = Face.of(boxed.row())
    assert again.box == BOX
    assert not again.has_landmarks
    assert face().has_landmarks


def test_a_face_without_landmarks_counts_as_upright_and_from_the_front() -> None:
    assert (Face(BOX).roll, Face(BOX).turn, Face(BOX).smile) == (0.0, 0.0, 1.0)


def test_a_lowered_face_has_the_same_landmarks() -> None:
    lowered = face().lowered(0.1, 10)
    assert lowered.box == Box(100, 60, 200, 213)
    assert lowered.landmarks == face().landmarks


@pytest.mark.parametrize("angle", [-2.0, -0.3, 0.0, 0.1, 1.2])
def test_roll_is_the_angle_of_the_eyes_and_clockwise_is_positive(angle: float) -> None:
    assert face(turned(POINTS, angle)).roll == pytest.approx(angle)


def test_seen_from_the_front_a_face_is_not_turned() -> None:
    assert face().turn == 0


@pytest.mark.parametrize("share", [-0.4, 0.2, 0.4])
@pytest.mark.parametrize("angle", [0.0, 0.7, -1.5])
def test_turn_is_how_far_the_nose_is_off_by_the_distance_of_the_eyes(
    share: float, angle: float
) -> None:
    """However the head is inclined, and however large it is."""
    points = POINTS.copy()
    points[2, 0] += share * 40
    assert face(3 * turned(points, angle)).turn == pytest.approx(share)


def test_a_nose_that_is_high_or_low_is_no_turn() -> None:
    points = POINTS.copy()
    points[2, 1] += 15
    assert face(points).turn == pytest.approx(0)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_smile_is_the_width_of_the_mouth_by_the_distance_of_the_eyes(angle: float) -> None:
    assert face(2 * turned(POINTS, angle)).smile == pytest.approx(32 / 40)


def test_eyes_at_one_place_do_no_harm() -> None:
    same = face(np.full((5, 2), 150.0))
    assert (same.turn, same.smile) == (0, 0)
