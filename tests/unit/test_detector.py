"""The detector finds faces in the frame's own pixels, and is refused if it is another model."""

from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import DETECTOR, yunet
from support.media.faces import Drawn, drawn, landmarks_of
from support.media.synthetic import frame_of, textured

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing
from lipsyncd.face.face import Face
from lipsyncd.model.detector import CONFIDENCE, Detector, load_detector

SIZES = [(320, 240), (640, 480), (1280, 720), (720, 1280), (1920, 1080)]
every_size = pytest.mark.parametrize("size", SIZES)


def placed(size: tuple[int, int]) -> Drawn:
    """A face in a frame of a size."""
    return 0.55 * size[0], 0.48 * size[1], 0.16 * min(size)


def surrounds(found: Face, face: Drawn) -> bool:
    """Whether the box's middle is the face's and its width about right."""
    x, y, size = face
    across, down = found.box.middle
    near = abs(across - x) < 0.3 * size and abs(down - y) < 0.5 * size
    return near and 0.6 < found.box.width / (2 * size) < 1.4


@every_size
def test_a_face_is_in_the_pixels_of_its_frame(size: tuple[int, int]) -> None:
    """Whatever size the network sees the frame in."""
    (found,) = Detector(yunet()).faces(drawn(*size, [placed(size)]))
    assert surrounds(found, placed(size))


@every_size
def test_landmarks_lie_on_what_they_mark(size: tuple[int, int]) -> None:
    """The person's own right eye is the one to the left in the picture."""
    (found,) = Detector(yunet()).faces(drawn(*size, [placed(size)]))
    error = np.abs(found.points() - landmarks_of(placed(size))) / placed(size)[2]
    assert found.has_landmarks
    assert error.max() < 0.15


def test_a_face_tells_how_sure_the_detector_is_of_it() -> None:
    detector, size = Detector(yunet()), (640, 480)
    frame = drawn(*size, [placed(size)])
    (upright,) = detector.faces(frame)
    upside_down = frame_of(np.ascontiguousarray(frame.bgr(*size)[::-1, :, ::-1]))
    others = [face.score for face in detector.faces(upside_down)]
    assert CONFIDENCE <= max(others, default=CONFIDENCE) < upright.score <= 1


def test_the_largest_face_comes_first() -> None:
    small, large = (170, 200, 45), (440, 240, 110)
    faces = Detector(yunet()).faces(drawn(640, 480, [small, large]))
    assert len(faces) == 2
    assert surrounds(faces[0], large)
    assert surrounds(faces[1], small)


def test_one_detector_takes_frames_of_different_sizes() -> None:
    detector = Detector(yunet())
    for width, height in ((640, 480), (320, 240), (640, 480)):
        face = (0.5 * width, 0.5 * height, 0.15 * height)
        assert surrounds(detector.faces(drawn(width, height, [face]))[0], face)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_no_face_is_not_found(seed: int) -> None:
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
