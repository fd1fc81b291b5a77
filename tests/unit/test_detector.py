"""The detector finds faces in the frame's own pixels, and is refused if it is another model."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.checkpoints import DETECTOR, yunet
from support.media.synthetic import frame_of, textured

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing
from lipsyncd.face.box import Box
from lipsyncd.media.frame import Frame
from lipsyncd.model.detector import Detector, load_detector

# A face drawn by hand: ovals at (across, down) with half a (width, height), in half widths of the
# face, and their colours: hair, skin, brows, eyes, pupils, nostrils, nose, mouth.
PARTS = (
    ((0, -0.25), (1.1, 1.3), (50, 35, 25)),
    ((0, 0.05), (0.92, 1.2), (215, 170, 145)),
    ((-0.38, -0.42), (0.24, 0.04), (60, 40, 30)),
    ((0.38, -0.42), (0.24, 0.04), (60, 40, 30)),
    ((-0.38, -0.2), (0.2, 0.1), (245, 240, 235)),
    ((0.38, -0.2), (0.2, 0.1), (245, 240, 235)),
    ((-0.38, -0.2), (0.09, 0.1), (50, 30, 20)),
    ((0.38, -0.2), (0.09, 0.1), (50, 30, 20)),
    ((-0.1, 0.3), (0.06, 0.04), (140, 95, 80)),
    ((0.1, 0.3), (0.06, 0.04), (140, 95, 80)),
    ((0, 0.15), (0.1, 0.2), (200, 150, 125)),
    ((0, 0.62), (0.36, 0.11), (165, 70, 75)),
    ((0, 0.62), (0.3, 0.02), (90, 30, 35)),
)


def drawn(width: int, height: int, faces: list[tuple[float, float, float]]) -> Frame:
    """A frame with faces, (across, down, half a width) each."""
    picture = np.full((height, width, 3), (150, 170, 160), np.uint8)
    for x, y, size in faces:
        for (across, down), radii, colour in PARTS:
            centre = round(x + across * size), round(y + down * size)
            axes = [max(1, round(radius * size)) for radius in radii]
            cv2.ellipse(picture, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    return frame_of(cv2.GaussianBlur(picture, (0, 0), max(0.8, width / 600)))


def surrounds(box: Box, face: tuple[float, float, float]) -> bool:
    """Whether the box's middle is the face's and its width about right."""
    x, y, size = face
    centre = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    near = abs(centre[0] - x) < 0.3 * size and abs(centre[1] - y) < 0.5 * size
    return near and 0.6 < box.width / (2 * size) < 1.4


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720), (720, 1280), (1920, 1080)])
def test_a_box_is_in_the_pixels_of_its_frame(size: tuple[int, int]) -> None:
    """Whatever size the network sees the frame in."""
    width, height = size
    face = (0.55 * width, 0.48 * height, 0.16 * min(size))
    boxes = Detector(yunet()).faces(drawn(width, height, [face]))
    assert len(boxes) == 1
    assert surrounds(boxes[0], face)


def test_the_largest_face_comes_first() -> None:
    small, large = (170, 200, 45), (440, 240, 110)
    boxes = Detector(yunet()).faces(drawn(640, 480, [small, large]))
    assert len(boxes) == 2
    assert surrounds(boxes[0], large)
    assert surrounds(boxes[1], small)


def test_one_detector_takes_frames_of_different_sizes() -> None:
    detector = Detector(yunet())
    for width, height in ((640, 480), (320, 240), (640, 480)):
        face = (0.5 * width, 0.5 * height, 0.15 * height)
        assert surrounds(detector.faces(drawn(width, height, [face]))[0], face)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_face_is_no_box(seed: int) -> None:
    detector = Detector(yunet())
    assert detector.faces(frame_of(textured(seed, 320, 240))) == []
    assert detector.faces(frame_of(np.zeros((64, 64, 3), np.uint8))) == []


@pytest.mark.parametrize("size", [(2, 2), (8, 400), (640, 2), (16, 16)])
def test_the_smallest_frames_do_no_harm(size: tuple[int, int]) -> None:
    width, height = size
    blank = frame_of(np.full((height, width, 3), 90, np.uint8))
    assert Detector(yunet()).faces(blank) == []


def test_a_missing_detector_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match="nowhere"):
        load_detector(tmp_path / "nowhere", lambda _: None)


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x08\x07\x12\x07pytorch" + bytes(99)]
)
def test_another_file_is_not_the_detector(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "detector.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointInvalid, match="not the YuNet"):
        load_detector(path, lambda _: None)


def test_a_truncated_detector_is_not_the_detector(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    path.write_bytes(DETECTOR.read_bytes()[:100_000])
    with pytest.raises(CheckpointInvalid, match="not the YuNet"):
        load_detector(path, lambda _: None)
