"""The landmarker finds the lips of a face, open or closed; another model is refused."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import DETECTOR, LANDMARKER, mesh, yunet
from support.media.clips import clip
from support.media.faces import Drawn, drawn, face_of, landmarks_of, moved
from support.media.synthetic import frame_of, textured

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing
from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.lips import SHUT, Lips
from lipsyncd.face.warp import inverted, place_of
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector
from lipsyncd.model.landmarker import Landmarker, load_landmarker, square_around

FACE: Drawn = (350, 230, 77)


def first(name: str) -> tuple[Frame, Face]:
    """The first frame of a clip and its face."""
    frame = next(examine_source(clip(name), "The face").frames())
    return frame, Detector(yunet()).faces(frame)[0]


def inclined(frame: Frame, face: Face, angle: float) -> tuple[Frame, Face]:
    """Both, turned clockwise about the middle of the face."""
    cos, sin = math.cos(angle), math.sin(angle)
    turned, middle = np.array([[cos, -sin], [sin, cos]]), face.box.middle - 0.5
    return moved(frame, face, np.column_stack([turned, middle - turned @ middle]))


# Lips


def test_the_lips_of_a_smile_are_open() -> None:
    frame, face = first("single_face.jpg")
    assert Landmarker(mesh()).lips(frame, face).openness > 0.1


def test_the_lips_of_a_mouth_at_rest_are_closed() -> None:
    frame, face = first("single_face.mp4")
    assert Landmarker(mesh()).lips(frame, face).openness < SHUT


@pytest.mark.parametrize("name", ["single_face.jpg", "single_face.mp4"])
def test_the_lips_run_from_the_right_corner_of_the_mouth_to_the_left_one(name: str) -> None:
    frame, face = first(name)
    lips = Landmarker(mesh()).lips(frame, face)
    assert [edge.shape for edge in lips.edges] == [(11, 2)] * 4
    near = 0.12 * face.box.width
    for edge in lips.edges:
        np.testing.assert_allclose(edge[[0, -1]], face.points()[3:], atol=near)
        assert (np.diff(edge[:, 0]) > 0).all()
    for one, other in ((lips.top, lips.bottom), (lips.upper, lips.lower)):
        np.testing.assert_array_equal(one[[0, -1]], other[[0, -1]])
    assert lips.moved(inverted(place_of(face.box))).are_plausible()


@pytest.mark.parametrize("name", ["single_face.jpg", "single_face.mp4"])
def test_the_edges_of_the_lips_come_from_top_to_bottom(name: str) -> None:
    """And the outer ones reach farther to either side."""
    frame, face = first(name)
    lips = Landmarker(mesh()).lips(frame, face)
    for above, beneath in pairwise(edge[1:-1, 1] for edge in lips.edges):
        assert (above < beneath).all()
    assert lips.top[0, 0] < lips.upper[0, 0]
    assert lips.top[-1, 0] > lips.upper[-1, 0]


def test_a_smile_draws_the_lips_wide() -> None:
    landmarker = Landmarker(mesh())
    smile, rest = (landmarker.lips(*first(f"single_face.{kind}")) for kind in ("jpg", "mp4"))
    assert wide(smile) > 1.1 * wide(rest)


def wide(lips: Lips) -> float:
    """By how high the lips are together."""
    return float(np.ptp(lips.upper[:, 0]) / np.ptp(np.vstack([lips.top, lips.upper])[:, 1]))


@pytest.mark.parametrize("face", [FACE, (120, 240, 38), (320, 240, 160)])
def test_lips_are_in_the_pixels_of_their_frame(face: Drawn) -> None:
    """However large the face is, and wherever."""
    lips = Landmarker(mesh()).lips(drawn(640, 480, [face]), face_of(face))
    corners = landmarks_of(face)[3:]
    assert np.abs(lips.upper[[0, -1]] - corners).max() < 0.1 * face[2]


@pytest.mark.parametrize("angle", [-0.6, 0.4, 1.5])
def test_an_inclined_face_has_the_same_lips(angle: float) -> None:
    """The mesh always sees it upright."""
    upright = drawn(640, 480, [FACE]), face_of(FACE)
    turned = inclined(*upright, angle)
    landmarker = Landmarker(mesh())
    one, other = landmarker.lips(*upright), landmarker.lips(*turned)
    assert turned[1].roll == pytest.approx(angle)
    corners = turned[1].points()[3:]
    assert np.abs(other.upper[[0, -1]] - corners).max() < 0.12 * FACE[2]
    assert other.openness == pytest.approx(one.openness, abs=0.02)


def test_a_face_without_landmarks_is_taken_for_an_upright_one() -> None:
    frame, face = first("single_face.mp4")
    landmarker = Landmarker(mesh())
    one, other = landmarker.lips(frame, face), landmarker.lips(frame, Face(face.box))
    assert np.abs(one.upper - other.upper).max() < 0.03 * face.box.width


def test_what_is_no_face_has_some_lips_or_other() -> None:
    frame = frame_of(textured(1, 320, 240))
    for box in (Box(60, 40, 160, 140), Box(-200, -200, -100, -90), Box(310, 230, 311, 231)):
        lips = Landmarker(mesh()).lips(frame, Face(box))
        assert np.isfinite(lips.upper).all()
        assert np.isfinite(lips.openness)


def test_one_landmarker_takes_one_frame_after_another() -> None:
    landmarker = Landmarker(mesh())
    smile, rest = first("single_face.jpg"), first("single_face.mp4")
    before = landmarker.lips(*smile)
    landmarker.lips(*rest)
    np.testing.assert_array_equal(landmarker.lips(*smile).upper, before.upper)


def test_the_square_is_around_the_face_and_inclined_as_it_is() -> None:
    face = face_of(FACE)
    place = square_around(face)
    np.testing.assert_allclose(place @ [95.5, 95.5, 1], face.box.middle - 0.5)
    assert np.hypot(*place[:, 0]) * 192 == pytest.approx(1.2 * face.box.height)
    turned = square_around(inclined(drawn(640, 480, [FACE]), face, 0.5)[1])
    assert math.atan2(turned[1, 0], turned[0, 0]) == pytest.approx(0.5)


# The file


def test_a_missing_landmarker_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match="nowhere"):
        load_landmarker(tmp_path / "nowhere", lambda _: None)


@pytest.mark.parametrize(
    "content",
    [b"", b"<!DOCTYPE html>", b"\x08\x07\x12\x07pytorch" + bytes(99), DETECTOR.read_bytes()],
    ids=["empty", "page", "pickle", "detector"],
)
def test_another_file_is_not_the_landmarker(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(CheckpointInvalid, match=r"other\.tflite is not the face mesh"):
        load_landmarker(path, lambda _: None)


@pytest.mark.parametrize("size", [5_000, 1_000_000, LANDMARKER.stat().st_size - 100])
def test_a_truncated_landmarker_is_not_the_landmarker(tmp_path: Path, size: int) -> None:
    path = tmp_path / "landmarker.tflite"
    path.write_bytes(LANDMARKER.read_bytes()[:size])
    with pytest.raises(CheckpointInvalid, match="not the face mesh"):
        load_landmarker(path, lambda _: None)
