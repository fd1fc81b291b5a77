"""A soft blend shows the new mouth in the lower face and leaves every other sample alone."""

import math

import av
import cv2
import numpy as np
import pytest
from support.media.faces import BOXES, HEIGHT, STUDIO, WIDTH, neutral_in, seen_as
from support.media.synthetic import frame_of, painted, textured

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, Box
from lipsyncd.face.face import Face
from lipsyncd.face.soft import LIPS, LOWER_FACE, MASK, RING, SoftBlend
from lipsyncd.face.warp import reduced
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, planes_of

BEYOND = Box(-40, -50, 360, 300)  # all edges
every_box = pytest.mark.parametrize("box", [*BOXES, BEYOND], ids=lambda box: f"{box.width:.0f}")


def smooth(seed: int = 11, cells: int = 6) -> np.ndarray:
    """A picture without any detail that a crop of 96 pixels could not hold."""
    coarse = np.random.default_rng(seed).integers(60, 200, (cells, cells, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def soft(frame: Frame, box: Box, colour: Colour = STUDIO, side: int = CROP) -> SoftBlend:
    """A blend for a frame that is its own neutral one, and mouths of so many pixels."""
    neutral = neutral_in(frame, Face(box), colour, side)
    return SoftBlend(colour, lambda _: neutral)


def asked(frame: Frame, box: Box, strength: float = 1.0, colour: Colour = STUDIO) -> Asked:
    return soft(frame, box, colour).ask(frame, seen_as(Face(box), strength))


def pasted(
    frame: Frame, box: Box, mouth: np.ndarray, strength: float = 1.0, colour: Colour = STUDIO
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, U and V after the mouth, (48, 96, 3), was put into its box."""
    blend = soft(frame, box, colour)
    canvas = blend.canvas(frame)
    blend.paste(canvas, frame, asked(frame, box, strength, colour), mouth.astype(np.float32))
    return planes_of(blend.picture(canvas, frame).to_ndarray())


def same_mouth(frame: Frame, box: Box) -> np.ndarray:
    return asked(frame, box).crop[CROP // 2 :].astype(np.float32)


def other_mouth(frame: Frame, box: Box) -> np.ndarray:
    """The crop's own lower half with a dark, reddish opening where the lips are."""
    mouth = same_mouth(frame, box)
    rows, columns = np.mgrid[: CROP // 2, :CROP]
    opening = np.exp(-(((columns - 47.5) / 14) ** 2) - ((rows - 22) / 8) ** 2)[..., None]
    return mouth * (1 - opening) + np.array([40.0, 30.0, 120.0]) * opening


def over_the_frame(mask: np.ndarray, box: Box) -> np.ndarray:
    """A mask of the lower face as it lies over a frame's luma."""
    whole = np.zeros((CROP, CROP), np.float32)
    whole[LOWER_FACE] = mask
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    x = (columns - box.left) / box.width * CROP - 0.5
    y = (rows - box.top) / box.height * CROP - 0.5
    return cv2.remap(whole, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)


@every_box
def test_nothing_outside_the_lower_half_of_the_box_changes(box: Box) -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    before = frame.planes()
    after = pasted(frame, box, other_mouth(frame, box))
    top = box.top + box.height / 2
    for old, new, step in zip(before, after, (1, 2, 2), strict=True):
        outside = np.ones(old.shape, bool)
        outside[
            max(0, math.floor(top / step)) : max(0, math.ceil(box.bottom / step)),
            max(0, math.floor(box.left / step)) : max(0, math.ceil(box.right / step)),
        ] = False
        np.testing.assert_array_equal(new[outside], old[outside])
    assert (before[0] != after[0]).any()


def test_the_frame_itself_is_never_written_to() -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    copy = frame.i420()
    pasted(frame, BOXES[0], other_mouth(frame, BOXES[0]))
    np.testing.assert_array_equal(frame.i420(), copy)


@every_box
def test_strength_0_changes_nothing(box: Box) -> None:
    frame = frame_of(textured(4, WIDTH, HEIGHT))
    after = pasted(frame, box, other_mouth(frame, box), strength=0.0)
    for old, new in zip(frame.planes(), after, strict=True):
        np.testing.assert_array_equal(new, old)


def test_half_the_strength_is_half_the_change() -> None:
    frame, box = frame_of(smooth()), BOXES[1]
    mouth = other_mouth(frame, box)
    old = frame.planes()[0].astype(float)
    whole, half = (pasted(frame, box, mouth, share)[0] - old for share in (1.0, 0.5))
    assert np.abs(whole).max() > 20
    np.testing.assert_allclose(half, whole / 2, atol=1.01)


@every_box
def test_the_same_mouth_leaves_a_smooth_frame_within_four_levels(box: Box) -> None:
    """What remains: the crop's rounding to 8 bits in BGR and back, its 96 pixels, and the detail
    that is raised on the lips."""
    frame = frame_of(smooth())
    for old, new in zip(frame.planes(), pasted(frame, box, same_mouth(frame, box)), strict=True):
        assert np.abs(new.astype(int) - old).max() <= 4


@pytest.mark.parametrize("side", [256, 288])
def test_a_larger_mouth_shows_what_one_of_96_pixels_could_not_hold(side: int) -> None:
    """Stripes on the lips, some two pixels of the frame each; the skin around stays as it was."""
    box = Box(16, 0, 304, 240)
    frame = frame_of(smooth())
    blend = soft(frame, box, side=side)
    asked = blend.ask(frame, seen_as(Face(box)))
    assert asked.crop.shape == (side, side, 3)
    smaller = soft(frame, box).ask(frame, seen_as(Face(box))).crop.astype(int)
    assert np.abs(reduced(asked.crop) - smaller).max() <= 4  # of the same part of the frame
    mouth = asked.crop[side // 2 :].astype(np.float32)
    striped = mouth + 40 * np.where(np.arange(side // 2) // 2 % 2, 1, -1)[:, None, None]
    shown = []
    for each in (striped, cv2.resize(reduced(striped), (side, side // 2))):
        canvas = blend.canvas(frame)
        blend.paste(canvas, frame, asked, each.astype(np.float32))
        shown.append(canvas[:HEIGHT].astype(int) - frame.planes()[0])
    lips = over_the_frame(LIPS, box) > 0.9
    assert shown[0][lips].std() > 20
    assert shown[1][lips].std() < shown[0][lips].std() / 2
    assert not shown[0][over_the_frame(MASK, box) == 0].any()


@pytest.mark.parametrize("box", [BOXES[1], BOXES[3]], ids=lambda box: f"{box.width:.0f}")
def test_the_same_mouth_leaves_the_detail_around_the_lips_as_it_is(box: Box) -> None:
    """A noisy frame: on the lips its detail goes, elsewhere it stays within one level."""
    noise = np.random.default_rng(8).normal(0, 12, (HEIGHT, WIDTH, 1))
    frame = frame_of(np.clip(smooth() + noise, 0, 255).astype(np.uint8))
    after = pasted(frame, box, same_mouth(frame, box))
    around = cv2.dilate(over_the_frame(LIPS, box), np.ones((7, 7))) == 0
    difference = np.abs(after[0].astype(int) - frame.planes()[0])
    assert difference[around].max() <= 1
    assert difference.max() > 5


@pytest.mark.parametrize("matrix", ["601", "709"])
def test_the_lips_show_the_colour_of_the_mouth(matrix: str) -> None:
    """A grey face, and lips of another colour and brightness in the middle of the mouth."""
    box = Box(64, 32, 256, 224)
    colour = Colour({"601": 6, "709": 1}[matrix], 1, 1, 1)
    frame = frame_of(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), matrix=matrix)
    mouth = np.full((48, CROP, 3), 128.0)
    rows, columns = np.mgrid[:48, :CROP]
    mouth[np.hypot((columns - 47.5) / 12, (rows - 22) / 6) < 1] = (70, 60, 190)
    after = pasted(frame, box, mouth, colour=colour)
    y, u, v = after[0][172, 160], after[1][86, 80], after[2][86, 80]
    expected = painted(np.full((2, 2, 3), (190, 60, 70), np.uint8), matrix=matrix)
    wanted = [np.frombuffer(plane, np.uint8)[0] for plane in expected.planes]
    np.testing.assert_allclose([y, u, v], wanted, atol=10)


def test_a_brighter_mouth_all_over_changes_nothing() -> None:
    """A generator that errs in brightness or tint must not stain the face."""
    frame, box = frame_of(smooth()), BOXES[1]
    mouth = same_mouth(frame, box)
    plain, brighter = pasted(frame, box, mouth), pasted(frame, box, mouth + 12)
    for one, other in zip(plain, brighter, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_an_open_mouth_does_not_shade_the_cheeks() -> None:
    """Where the generator changed nothing, nothing changes, however dark the opening is."""
    box = Box(64, 32, 256, 224)
    frame = frame_of(smooth())
    mouth = same_mouth(frame, box)
    rows, columns = np.mgrid[:48, :CROP]
    mouth[np.hypot((columns - 47.5) / 14, (rows - 22) / 7) < 1] = (20, 20, 40)
    after = pasted(frame, box, mouth)[0]
    change = after.astype(int) - frame.planes()[0]
    cheeks = cv2.dilate(over_the_frame(LIPS, box), np.ones((15, 15))) == 0
    assert change.min() < -40
    assert np.abs(change[cheeks]).max() <= 4


@every_box
def test_no_step_is_seen_at_the_border_of_the_mask(box: Box) -> None:
    """Where the mask ends (below a twentieth) the change rises by at most 3 of 255 per pixel of the
    crop, even if the whole lower face becomes another."""
    frame = frame_of(np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    rows, columns = np.mgrid[:48, :CROP]
    mouth = np.dstack([128 + 60 * np.sin(columns / 9) * np.cos(rows / 7)] * 3)
    after = pasted(frame, box, mouth)[0].astype(float)
    change = after - frame.planes()[0]
    assert np.abs(change).max() > 15
    rim = over_the_frame(MASK, box) < 0.05
    allowed = 1 + 3 * max(1, CROP / box.width, CROP / box.height)
    assert np.abs(np.diff(change, axis=0))[rim[1:]].max() <= allowed
    assert np.abs(np.diff(change, axis=1))[rim[:, 1:]].max() <= allowed


def test_the_masks_end_before_the_crop_does() -> None:
    for mask in (MASK, LIPS, RING):
        for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
            assert np.abs(edge).max() < 0.01
        assert mask.min() >= 0
    assert MASK.max() == 1
    assert (LIPS <= MASK).all()


@pytest.mark.parametrize(
    "box", [Box(-31.5, 20, 75.2, 140), Box(250, 120, 371, 290), Box(-20, -30, 140, 130)]
)
def test_beyond_the_edge_of_the_frame_the_picture_goes_on(box: Box) -> None:
    """The same as if the frame were larger, its edges repeated."""
    rgb = smooth()
    around = np.pad(rgb, ((64, 64), (64, 64), (0, 0)), mode="edge")
    moved = Box(*(box.array() + 64).tolist())
    one, other = frame_of(rgb), frame_of(around)
    mouth = other_mouth(other, moved)
    small, large = pasted(one, box, mouth), pasted(other, moved, mouth)
    for plane, whole, step in zip(small, large, (1, 2, 2), strict=True):
        edge = 64 // step
        cut = whole[edge:-edge, edge:-edge].astype(int)
        assert np.abs(cut - plane).max() <= 2


@pytest.mark.parametrize(
    "box", [Box(400, 300, 500, 400), Box(-300, -200, -100, -50), Box(5, 5, 6, 6)]
)
def test_a_box_without_any_of_the_frame_does_no_harm(box: Box) -> None:
    frame = frame_of(smooth())
    after = pasted(frame, box, other_mouth(frame, box))
    assert [plane.shape for plane in after] == [plane.shape for plane in frame.planes()]


def test_the_picture_keeps_the_tags_of_its_frame() -> None:
    frame = frame_of(smooth(), matrix="709")
    blend = soft(frame, BOXES[0], Colour(1, 1, 1, 1))
    picture = blend.picture(blend.canvas(frame), frame)
    assert isinstance(picture, av.VideoFrame)
    assert (picture.colorspace, picture.color_range) == (1, 1)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)


def test_several_faces_of_a_frame_share_a_canvas() -> None:
    """Each mouth is put into what the others have left of the frame."""
    frame, boxes = frame_of(textured(3, WIDTH, HEIGHT)), (Box(10, 60, 106, 156), BOXES[5])
    blend = soft(frame, boxes[0])
    canvas = blend.canvas(frame)
    for box in boxes:
        mouth = other_mouth(frame, box).astype(np.float32)
        blend.paste(canvas, frame, asked(frame, box), mouth)
    one, other = (pasted(frame, box, other_mouth(frame, box)) for box in boxes)
    for before, found, *alone in zip(frame.planes(), planes_of(canvas), one, other, strict=True):
        changes = [after.astype(int) - before for after in alone]
        assert all(change.any() for change in changes)
        np.testing.assert_array_equal(found, before + sum(changes))
