"""A neutral face is kept in the colours and the detail of its frame."""

import numpy as np
import pytest
from support.media.faces import STUDIO, neutral_in
from support.media.synthetic import frame_of, painted, textured

from lipsyncd.face.box import CROP, HALF, Box
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import as_bgr
from lipsyncd.face.patch import MARGIN, patches_of
from lipsyncd.face.warp import SUBSAMPLING, crop_of, from_pixel, gather, in_plane, place_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame

WIDTH, HEIGHT = 320, 240
BOXES = [Box(100, 60, 196, 156), Box(81.3, 40.7, 211.9, 190.2), Box(130.5, 90.5, 170.1, 140.9)]
OVER = [Box(-31.5, 20, 75.2, 140), Box(250, 120, 371, 290), Box(400, 300, 500, 400)]


# Crops


@pytest.mark.parametrize("swing", [1, 2])
@pytest.mark.parametrize("matrix", ["601", "709"])
def test_a_crop_shows_the_colours_of_the_frame(matrix: str, swing: int) -> None:
    rgb = np.full((64, 64, 3), (190, 90, 40), np.uint8)
    picture = painted(rgb, matrix=matrix, full=swing == 2)
    colour = Colour({"601": 6, "709": 1}[matrix], 1, 1, swing)
    crop = as_bgr(crop_of(Frame(0, picture), place_of(Box(10, 10, 50, 50))), colour)
    assert (crop.shape, crop.dtype) == ((CROP, CROP, 3), np.uint8)
    np.testing.assert_allclose(crop.reshape(-1, 3), [[40, 90, 190]] * CROP**2, atol=2)


def test_a_crop_in_the_size_of_the_frame_is_the_frame() -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    luma = crop_of(frame, place_of(BOXES[0]))[..., 0]
    np.testing.assert_array_equal(luma, frame.planes()[0][60:156, 100:196])


def test_the_colours_of_a_crop_lie_over_its_luma() -> None:
    """Each at its place, although there are half as many samples of chroma, each way."""
    rgb = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    rgb[100:140, 130:170] = (220, 30, 60)
    samples = crop_of(frame_of(rgb), place_of(BOXES[0])).astype(float)
    inside = np.abs(samples - samples[0, 0])
    rows, columns = np.mgrid[:CROP, :CROP]
    for channel in range(3):
        weight = inside[..., channel] / inside[..., channel].sum()
        assert (weight * rows).sum() == pytest.approx(59.5, abs=0.05)
        assert (weight * columns).sum() == pytest.approx(49.5, abs=0.05)


# Patches


@pytest.mark.parametrize("box", BOXES + OVER)
def test_patches_show_the_lower_face_as_the_frame_does(box: Box) -> None:
    frame, place = frame_of(textured(3, WIDTH, HEIGHT)), place_of(box)
    patches = zip(patches_of(frame, place), frame.planes(), SUBSAMPLING, strict=True)
    for patch, plane, each in patches:
        lower = gather(patch.samples, from_pixel(patch.matrix, 0, HALF), (CROP, HALF))
        wanted = gather(plane, from_pixel(in_plane(place, each), 0, HALF), (CROP, HALF))
        assert np.abs(lower.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("box", BOXES)
def test_patches_hold_what_is_a_little_beside_the_lower_face(box: Box) -> None:
    """From where a mouth may be taken that moves."""
    frame, place = frame_of(textured(3, WIDTH, HEIGHT)), place_of(box)
    size = CROP + 2 * MARGIN, HALF + 2 * MARGIN
    for patch, plane, each in zip(
        patches_of(frame, place), frame.planes(), SUBSAMPLING, strict=True
    ):
        around = gather(patch.samples, from_pixel(patch.matrix, -MARGIN, HALF - MARGIN), size)
        matrix = from_pixel(in_plane(place, each), -MARGIN, HALF - MARGIN)
        assert np.abs(around.astype(int) - gather(plane, matrix, size)).max() <= 1


def test_patches_hold_no_more_of_the_frame_than_that() -> None:
    """A render keeps several neutral faces at a time."""
    patches = patches_of(frame_of(textured(3, WIDTH, HEIGHT)), place_of(BOXES[0]))
    size = HALF + 2 * MARGIN, CROP + 2 * MARGIN
    for patch, each in zip(patches, SUBSAMPLING, strict=True):
        assert np.abs(np.subtract(patch.samples.shape, np.divide(size, each))).max() <= 1
        assert patch.samples.base is None, "it would keep all of the frame"


def test_a_neutral_face_does_not_change_with_its_frame() -> None:
    """The frame's memory is the decoder's, who may use it again."""
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    neutral = neutral_in(frame, Face(BOXES[0]), STUDIO)
    parts = [neutral.samples, neutral.crop, *(patch.samples for patch in neutral.patches)]
    copies = [part.copy() for part in parts]
    for plane in frame.picture.planes:
        np.frombuffer(plane, np.uint8)[:] = 0
    for part, copy in zip(parts, copies, strict=True):
        np.testing.assert_array_equal(part, copy)
