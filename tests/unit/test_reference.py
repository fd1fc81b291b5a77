"""With a box and without blending the pixels are those of the original inference."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
from support.checkpoints import SHIPPED, models_of
from support.media.faces import STUDIO, seen_as
from support.media.synthetic import painted, textured

from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.reference import BoxBlend, overwrite, steady_forward
from lipsyncd.face.warp import place_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame
from lipsyncd.model.generator import Generator

BOX = (96, 272, 180, 340)  # y1, y2, x1, x2, as the original's option names them
COUNT = 4


def plain_inference(
    generator: Generator, frames: list[np.ndarray], windows: np.ndarray
) -> list[np.ndarray]:
    """Straight from the specification: crop, halve, predict, cut to whole numbers, overwrite."""
    y1, y2, x1, x2 = BOX
    inputs = []
    for frame in frames:
        face = cv2.resize(frame[y1:y2, x1:x2], (96, 96))
        masked = face.copy()
        masked[48:] = 0
        inputs.append(np.concatenate((masked, face), axis=2) / 255.0)
    faces = torch.FloatTensor(np.transpose(np.asarray(inputs), (0, 3, 1, 2)))
    mels = torch.FloatTensor(np.reshape(windows, (len(windows), 1, 80, 16)))
    with torch.no_grad():
        predicted = generator(mels, faces).numpy().transpose(0, 2, 3, 1) * 255.0
    results = []
    for frame, mouth in zip(frames, predicted, strict=True):
        result = frame.copy()
        result[y1:y2, x1:x2] = cv2.resize(mouth.astype(np.uint8), (x2 - x1, y2 - y1))
        results.append(result)
    return results


def frame_from(pixels: np.ndarray, index: int) -> Frame:
    return Frame(index, av.VideoFrame.from_ndarray(pixels, "bgr24"))


def crop_of(pixels: np.ndarray, box: Box) -> np.ndarray:
    """What a generator is asked for a box."""
    return BoxBlend(STUDIO).ask(frame_from(pixels, 0), seen_as(Face(box))).crop


def shipped_generator() -> Generator:
    """The shipped weights in a network that nobody folded."""
    generator = Generator(0.5).eval()
    state = safetensors.torch.load_file(SHIPPED)
    generator.load_state_dict(state)  # copies float16 into float32
    return generator


def test_the_pixels_are_those_of_the_original(tmp_path: Path) -> None:
    """At most 1 apart, on fewer than 2 of 100,000 values of the frames."""
    path = tmp_path / SHIPPED.name
    path.symlink_to(SHIPPED)
    random = np.random.default_rng(9)
    frames = [textured(seed, 640, 360) for seed in range(COUNT)]
    windows = random.uniform(-4, 4, (COUNT, 80, 16)).astype(np.float32)
    y1, y2, x1, x2 = BOX
    box = Box(x1, y1, x2, y2)
    crops = np.stack([crop_of(pixels, box) for pixels in frames])
    mouths = models_of(path, COUNT).mouths(crops, windows, lower=False)
    expected = plain_inference(shipped_generator(), frames, windows)
    off = 0
    for pixels, mouth, wanted in zip(frames, mouths, expected, strict=True):
        found = pixels.copy()
        overwrite(found, box, mouth)
        difference = np.abs(found.astype(int) - wanted)
        assert difference.max() <= 1
        off += np.count_nonzero(difference)
        assert found.std() > 5
        assert (found != pixels).any()
    assert off < 2e-5 * COUNT * frames[0].size


def test_a_crop_is_that_of_opencv() -> None:
    pixels = textured(1, 320, 240)
    crop = crop_of(pixels, Box(40, 30, 201, 177))
    np.testing.assert_array_equal(crop, cv2.resize(pixels[30:177, 40:201], (96, 96)))


def test_a_crop_is_its_own_reference() -> None:
    seen = seen_as(Face(Box(40, 30, 201, 177)))
    asked = BoxBlend(STUDIO).ask(frame_from(textured(1, 320, 240), 0), seen)
    np.testing.assert_array_equal(asked.reference, asked.crop)
    np.testing.assert_array_equal(asked.place, place_of(seen.face.box))
    assert (asked.seen, asked.neutral, asked.calmed) == (seen, None, 0.0)
    assert not BoxBlend.lower


def test_a_box_over_the_edge_is_cut_off_there() -> None:
    """As the original clamps its boxes to the image."""
    pixels = textured(1, 320, 240)
    over, cut = Box(-20, -9, 90, 100), Box(0, 0, 90, 100)
    np.testing.assert_array_equal(crop_of(pixels, over), crop_of(pixels, cut))
    mouth = np.full((96, 96, 3), 77.9, np.float32)
    overwrite(pixels, over, mouth)
    assert (pixels[:100, :90] == 77).all()
    assert (pixels[100:] != 77).any()


def test_nothing_but_the_box_changes() -> None:
    pixels = textured(1, 320, 240)
    before = pixels.copy()
    overwrite(pixels, Box(100, 50, 200, 160), np.full((96, 96, 3), 3.5, np.float32))
    assert (pixels[50:160, 100:200] == 3).all()
    pixels[50:160, 100:200] = before[50:160, 100:200]
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("swing", [1, 2])
@pytest.mark.parametrize("matrix", ["601", "709"])
def test_a_pasted_frame_keeps_its_colours(matrix: str, swing: int) -> None:
    """Through BGR and back, in the matrix and the swing of the frame."""
    code = {"601": 6, "709": 1}[matrix]
    rgb = np.full((96, 96, 3), (180, 90, 60), np.uint8)
    picture = painted(rgb, matrix=matrix, full=swing == 2)
    picture.colorspace, picture.color_range = code, swing
    before = picture.to_ndarray().astype(int)
    blend, frame = BoxBlend(Colour(code, code, code, swing)), Frame(0, picture)
    canvas = blend.canvas(frame)
    mouth = np.tile(np.float32([60, 90, 180]), (96, 96, 1))
    blend.paste(canvas, frame, blend.ask(frame, seen_as(Face(Box(24, 24, 72, 72)))), mouth)
    result = blend.picture(canvas, frame)
    assert result.format.name == "yuv420p"
    assert np.abs(result.to_ndarray().astype(int) - before).max() <= 3


# Smoothing


def in_place(boxes: np.ndarray, span: int = 5) -> np.ndarray:
    """The original: each row becomes the mean of itself and those after it, in whole numbers; the
    last rows average the last five, of which some have been averaged already."""
    boxes = boxes.copy()
    for i in range(len(boxes)):
        window = boxes[len(boxes) - span :] if i + span > len(boxes) else boxes[i : i + span]
        boxes[i] = np.mean(window, axis=0)
    return boxes


@pytest.mark.parametrize("count", range(1, 31))
def test_boxes_are_averaged_as_the_original_does(count: int) -> None:
    for seed in range(5):
        boxes = np.random.default_rng(seed).integers(0, 900, (count, 4))
        np.testing.assert_array_equal(steady_forward(boxes.astype(float)), in_place(boxes))


def test_boxes_are_cut_to_whole_pixels_before_they_are_averaged() -> None:
    """The original's detections are whole numbers."""
    boxes = np.random.default_rng(1).uniform(0, 900, (12, 4))
    np.testing.assert_array_equal(steady_forward(boxes), in_place(boxes.astype(int)))


def test_the_boxes_that_are_given_stay_as_they_are() -> None:
    boxes = np.random.default_rng(1).uniform(0, 900, (12, 4))
    copy = boxes.copy()
    steady_forward(boxes)
    np.testing.assert_array_equal(boxes, copy)
