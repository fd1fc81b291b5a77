"""A transfer blend moves the face's own pixels as the generator's mouth moves, and nothing else."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.checkpoints import yunet
from support.media.clips import clip
from support.media.faces import BOXES, HEIGHT, STUDIO, WIDTH, Rgb, neutral_in, seen_as
from support.media.synthetic import frame_of, textured

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, HALF, Box
from lipsyncd.face.face import Face
from lipsyncd.face.lips import FINE
from lipsyncd.face.motion import MASK, MotionFinder, warped
from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.patch import patches_of
from lipsyncd.face.teeth import Teeth
from lipsyncd.face.transfer import REACH, TransferBlend
from lipsyncd.face.warp import SUBSAMPLING, inverted
from lipsyncd.media.frame import Frame, planes_of
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector

every_box = pytest.mark.parametrize("box", BOXES, ids=lambda box: f"{box.width:.0f}")

every_side = pytest.mark.parametrize("side", [256, 288])

Shown = tuple[Frame, Face]
Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def real() -> Shown:
    """A real face, and the frame in which its mouth is at rest."""
    frame = next(examine_source(clip("single_face.mp4"), "The face").frames())
    return frame, Detector(yunet()).faces(frame)[0].lowered(0, 10)


def textured_face(box: Box) -> Shown:
    return frame_of(textured(3, WIDTH, HEIGHT)), Face(box)


def blend_of(neutral: NeutralFace, expression: float = 1.0) -> TransferBlend:
    return TransferBlend(STUDIO, lambda _: neutral, expression)


def asked(neutral: NeutralFace, shown: Shown, strength: float = 1.0) -> Asked:
    return blend_of(neutral).ask(shown[0], seen_as(shown[1], strength))


def pasted(
    neutral: NeutralFace,
    shown: Shown,
    mouth: np.ndarray,
    strength: float = 1.0,
    expression: float = 1.0,
) -> Planes:
    """Y, U and V after the mouth, (48, 96, 3), was put into a frame."""
    frame, blend = shown[0], blend_of(neutral, expression)
    canvas = blend.canvas(frame)
    blend.paste(canvas, frame, asked(neutral, shown, strength), mouth.astype(np.float32))
    return planes_of(blend.picture(canvas, frame).to_ndarray())


def opened(neutral: NeutralFace) -> np.ndarray:
    """Its mouth with a dark, reddish hole in it."""
    mouth = neutral.rest.copy()
    rows, columns = np.mgrid[:HALF, :CROP]
    hole = np.exp(-(((columns - 47.5) / 12) ** 2) - ((rows - 22) / 6) ** 2)[..., None]
    return mouth * (1 - hole) + np.array([30.0, 20.0, 90.0]) * hole


def dropped(neutral: NeutralFace, pixels: float) -> np.ndarray:
    """Its mouth further down."""
    return warped(neutral.rest, np.full((HALF, CROP, 2), (0, -pixels), np.float32))


def over(mask: np.ndarray, place: np.ndarray, plane: np.ndarray, step: int) -> np.ndarray:
    """A mask of a crop's lower half as it lies over a plane."""
    rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]] * step + (step - 1) / 2
    x, y = (a * columns + b * rows + c for a, b, c in inverted(place))
    return cv2.remap(mask, x.astype("f4"), (y - HALF).astype("f4"), cv2.INTER_LINEAR)


def errors(planes: Planes, frame: Frame) -> list[np.ndarray]:
    return [
        np.abs(one.astype(int) - other) for one, other in zip(planes, frame.planes(), strict=True)
    ]


# At rest


def test_a_mouth_at_rest_leaves_the_neutral_frame_as_it_is(real: Shown) -> None:
    neutral = neutral_in(*real)
    for error in errors(pasted(neutral, real, neutral.rest), real[0]):
        assert error.max() <= 2
        assert error.mean() < 0.02


@every_side
def test_a_larger_mouth_at_rest_leaves_it_as_it_is_as_well(real: Shown, side: int) -> None:
    neutral = neutral_in(*real, side=side)
    rest = neutral.crop[side // 2 :].astype(np.float32)
    for error in errors(pasted(neutral, real, rest), real[0]):
        assert error.max() <= 2
        assert error.mean() < 0.02


@every_side
def test_a_larger_mouth_moves_lips_as_one_of_96_pixels_does(real: Shown, side: int) -> None:
    neutral = neutral_in(*real)
    mouth = opened(neutral)
    larger = cv2.resize(mouth, (side, side // 2), interpolation=cv2.INTER_CUBIC)
    before, after = pasted(neutral, real, mouth), pasted(neutral, real, larger)
    moved = np.abs(before[0].astype(int) - real[0].planes()[0]) > 20
    assert moved.any()
    assert np.abs(before[0].astype(int) - after[0])[moved].mean() < 3


@every_box
def test_whatever_the_mouth_nothing_outside_the_mask_changes(box: Box) -> None:
    shown = textured_face(box)
    neutral = neutral_in(*shown)
    place = asked(neutral, shown).place
    after = pasted(neutral, shown, opened(neutral))
    for old, new, step in zip(shown[0].planes(), after, SUBSAMPLING, strict=True):
        outside = over(np.ones_like(MASK), place, old, step) == 0
        np.testing.assert_array_equal(new[outside], old[outside])
    assert (after[0] != shown[0].planes()[0]).any()


@every_box
def test_strength_0_changes_nothing(box: Box) -> None:
    shown = textured_face(box)
    neutral = neutral_in(*shown)
    after = pasted(neutral, shown, opened(neutral), strength=0.0)
    assert not any(error.any() for error in errors(after, shown[0]))


def test_half_the_strength_is_half_the_change(real: Shown) -> None:
    neutral, old = neutral_in(*real), real[0].planes()[0].astype(float)
    whole, half = (pasted(neutral, real, opened(neutral), share)[0] - old for share in (1.0, 0.5))
    assert np.abs(whole).max() > 40
    np.testing.assert_allclose(half, whole / 2, atol=1.01)


def test_neither_the_frame_nor_the_neutral_face_is_ever_written_to(real: Shown) -> None:
    neutral, copy = neutral_in(*real), real[0].i420()
    parts = [neutral.crop, neutral.samples, neutral.rest]
    parts += [patch.samples for patch in neutral.patches]
    copies = [part.copy() for part in parts]
    pasted(neutral, real, opened(neutral))
    np.testing.assert_array_equal(real[0].i420(), copy)
    for part, before in zip(parts, copies, strict=True):
        np.testing.assert_array_equal(part, before)


# Moving


def test_the_pixels_of_the_frame_move_as_those_of_the_mouth_do(real: Shown) -> None:
    """Three pixels of the crop down are so many more of the frame."""
    neutral = neutral_in(*real)
    after = pasted(neutral, real, dropped(neutral, 3), expression=1 / REACH)[0]
    old, place = real[0].planes()[0], neutral.place
    shift = np.array([[1, 0, 0], [0, 1, 3 * place[1, 1]]])
    wanted = cv2.warpAffine(old, shift, old.shape[::-1], flags=cv2.INTER_CUBIC).astype(int)
    whole = over((MASK == 1).astype("f4"), place, old, 1) > 0.99
    wrong, still = (np.abs(each - wanted)[whole].mean() for each in (after, old.astype(int)))
    assert wrong < 0.35 * still


@pytest.mark.parametrize("expression", [0.5, 1.5])
def test_expression_is_how_far_the_lips_move(real: Shown, expression: float) -> None:
    neutral, old = neutral_in(*real), real[0].planes()[0].astype(float)
    column, row = (round(each) for each in neutral.place @ [47.5, HALF + 22, 1])
    hole = np.s_[row - 6 : row + 7, column - 15 : column + 16]
    plain, scaled = (
        (pasted(neutral, real, opened(neutral), expression=each)[0] - old)[hole].mean()
        for each in (1.0, expression)
    )
    assert plain < -15
    assert scaled == pytest.approx(expression * plain, rel=0.25)


@pytest.mark.parametrize(
    ("skin", "made", "wanted"),
    [
        pytest.param((150, 85, 75), (38, 40, 60), (38, 40, 60), id="as the generator gave it"),
        pytest.param(
            (128, 128, 128), (40, 30, 120), (58, 58, 58), id="not of a colour of nobody's"
        ),
    ],
)
def test_an_opening_is_as_light_as_it_was_made(skin: Rgb, made: Rgb, wanted: Rgb) -> None:
    """A face of one colour, R, G, B, in which a mouth opens, B, G, R."""
    frame = frame_of(np.full((HEIGHT, WIDTH, 3), skin, np.uint8))
    shown = frame, Face(Box(64, 32, 256, 224))
    neutral = neutral_in(*shown)
    mouth = neutral.rest.copy()
    mouth[16:28, 34:62] = made
    after = pasted(neutral, shown, mouth, expression=1 / REACH)
    found = [float(after[0][172, 160]), *(float(plane[86, 80]) for plane in after[1:])]
    expected = STUDIO.from_bgr @ [*wanted, 1]
    np.testing.assert_allclose(found, expected, atol=3)


def test_where_lips_part_teeth_are_seen_and_nowhere_else(real: Shown) -> None:
    neutral = neutral_in(*real)
    bright = frame_of(np.full((real[0].height, real[0].width, 3), 240, np.uint8))
    shown = np.ones((HALF * FINE, CROP * FINE), np.float32)
    toothed = replace(neutral, teeth=Teeth(patches_of(bright, neutral.place), shown))
    made = opened(neutral)
    without, after = pasted(neutral, real, made), pasted(toothed, real, made)
    column, row = (round(each) for each in neutral.place @ [47.5, HALF + 22, 1])
    assert without[0][row, column] < 60
    assert after[0][row, column] > 180
    mouth = MotionFinder().motion(made.astype(np.float32), neutral.rest, REACH).inner
    lips = over((mouth < 0.1).astype("f4"), neutral.place, after[0], 1) > 0.99
    np.testing.assert_allclose(after[0][lips].astype(int), without[0][lips], atol=1)
    still = [pasted(each, real, neutral.rest) for each in (neutral, toothed)]
    for one, other in zip(*still, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("mouth", ["rest", "dropped"])
def test_a_face_that_is_larger_than_a_crop_keeps_its_detail(mouth: str) -> None:
    """No crop of 96 pixels could hold it; it comes from the frame."""
    noise = np.random.default_rng(8).normal(0, 12, (480, 640, 1))
    coarse = np.random.default_rng(11).integers(60, 200, (9, 12, 3), np.uint8)
    smooth = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
    frame = frame_of(np.clip(smooth + noise, 0, 255).astype(np.uint8))
    shown = frame, Face(Box(120, 40, 504, 424))
    neutral = neutral_in(*shown)
    made = neutral.rest if mouth == "rest" else dropped(neutral, 1)
    after, old = pasted(neutral, shown, made)[0], frame.planes()[0]
    whole = over((MASK == 1).astype("f4"), neutral.place, old, 1) > 0.99
    detail = [
        (each - cv2.GaussianBlur(each, (0, 0), 2))[whole].std()
        for each in (after.astype("f4"), old.astype("f4"))
    ]
    assert detail[1] > 5
    assert detail[0] > 0.8 * detail[1]


# In its frame


def test_several_faces_of_a_frame_share_a_canvas() -> None:
    frame, boxes = frame_of(textured(3, WIDTH, HEIGHT)), (BOXES[4], BOXES[5])
    neutrals = [neutral_in(frame, Face(box)) for box in boxes]
    canvas, alone = frame.i420(), []
    for neutral in neutrals:
        shown = frame, neutral.face
        blend_of(neutral).paste(canvas, frame, asked(neutral, shown), opened(neutral).astype("f4"))
        alone.append(pasted(neutral, shown, opened(neutral)))
    for before, found, one, other in zip(frame.planes(), planes_of(canvas), *alone, strict=True):
        changes = one.astype(int) - before, other.astype(int) - before
        assert all(change.any() for change in changes)
        np.testing.assert_array_equal(found, before + sum(changes))


@pytest.mark.parametrize("box", [Box(400, 300, 500, 400), Box(-300, -200, -100, -50)])
def test_a_face_without_any_of_the_frame_does_no_harm(box: Box) -> None:
    shown = textured_face(box)
    neutral = neutral_in(*shown)
    after = pasted(neutral, shown, opened(neutral))
    assert not any(error.any() for error in errors(after, shown[0]))


def test_the_picture_keeps_the_tags_of_its_frame() -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT), matrix="709")
    blend = blend_of(neutral_in(frame, Face(BOXES[0])))
    picture = blend.picture(blend.canvas(frame), frame)
    assert (picture.colorspace, picture.color_range) == (1, 1)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
