"""The face that a transfer blend shows is carried to where the head is, and lit as it is there."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.checkpoints import yunet
from support.media.clips import clip
from support.media.faces import STUDIO, moved, neutral_in, seen_as
from support.media.synthetic import frame_of, textured

from lipsyncd.face.align import carried
from lipsyncd.face.blend import Asked
from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.face.warp import SUBSAMPLING, chained
from lipsyncd.media.frame import Frame, planes_of
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector

Shown = tuple[Frame, Face]


@pytest.fixture(scope="module")
def real() -> Shown:
    """A real face in a square box, and the frame in which its mouth is at rest."""
    frame = next(examine_source(clip("single_face.mp4"), "The face").frames())
    face = Detector(yunet()).faces(frame)[0]
    (x, y), half = face.box.middle, face.box.height / 2
    return frame, replace(face, box=Box(x - half, y - half, x + half, y + half))


def blend_of(neutral: NeutralFace) -> TransferBlend:
    return TransferBlend(STUDIO, lambda _: neutral)


def asked(neutral: NeutralFace, shown: Shown, strength: float = 1.0) -> Asked:
    return blend_of(neutral).ask(shown[0], seen_as(shown[1], strength))


def faces(one: Shown, other: Shown) -> tuple[Face, Face]:
    return one[1], other[1]


def change_of(scale: float = 1, angle: float = 0, x: float = 0, y: float = 0) -> np.ndarray:
    """How the head moves: about a pixel of its middle, and then by pixels."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turned, middle = np.array([[cos, -sin], [sin, cos]]), np.array([295.0, 190.0])
    return np.column_stack([turned, middle + (x, y) - turned @ middle])


def apart(place: np.ndarray, other: np.ndarray) -> float:
    """How far two places are apart at most in the face, in pixels of the frame."""
    corners = np.array([[20, 12, 1], [75, 12, 1], [47.5, 85, 1]])
    return float(np.hypot(*(place - other) @ corners.T).max())


CHANGES = [
    change_of(),
    change_of(x=3.4, y=-2.6),
    change_of(scale=1.05),
    change_of(angle=0.1, x=2),
    change_of(scale=0.95, angle=-0.15, y=4.3),
]
every_change = pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))


# Where a face has gone, about


def test_a_face_with_landmarks_is_carried_by_its_eyes_and_nose() -> None:
    points = np.array([[130, 110], [170, 112], [150, 130], [134, 155], [166, 155]], float)
    change = np.array([[1.1, -0.2, 9], [0.2, 1.1, -5]])
    after = points @ change[:, :2].T + change[:, 2]
    after[3:] += [[-6, 4], [6, 4]]  # it speaks
    one, other = (
        Face(Box(100, 60, 196, 156), tuple(each.ravel().tolist())) for each in (points, after)
    )
    np.testing.assert_allclose(carried(one, other), change, atol=1e-9)


def test_a_face_without_landmarks_is_carried_by_its_box() -> None:
    one, other = Face(Box(10, 20, 50, 70)), Face(Box(110, 40, 190, 140))
    change = carried(one, other)
    np.testing.assert_allclose(change @ [10, 20, 1], [110, 40])
    np.testing.assert_allclose(change @ [50, 70, 1], [190, 140])
    np.testing.assert_allclose(carried(one, one), np.eye(2, 3), atol=1e-9)


# Where it is, exactly


def test_the_generator_is_asked_for_the_neutral_face_alone(real: Shown) -> None:
    """What is said in the frame, and how, does not reach it."""
    neutral, now = neutral_in(*real), moved(*real, change_of(x=5))
    found = asked(neutral, now, strength=0.5)
    np.testing.assert_array_equal(found.crop, neutral.crop)
    np.testing.assert_array_equal(found.reference, neutral.crop)
    assert found.neutral is neutral
    assert (found.seen.face, found.seen.strength) == (now[1], 0.5)
    assert TransferBlend.lower


@every_change
def test_the_place_is_that_of_the_pixels(real: Shown, change: np.ndarray) -> None:
    neutral, now = neutral_in(*real), moved(*real, change)
    assert apart(asked(neutral, now).place, chained(change, neutral.place)) < 0.2


@pytest.mark.parametrize("seed", range(5))
def test_trembling_landmarks_do_not_move_the_face(real: Shown, seed: int) -> None:
    """Its own pixels tell where it is."""
    neutral, tremble = neutral_in(*real), np.random.default_rng(seed).normal(0, 0.7, 10)
    trembling = tuple((tremble + real[1].landmarks).tolist())
    now = real[0], replace(real[1], landmarks=trembling)
    assert apart(chained(carried(*faces(real, now)), neutral.place), neutral.place) > 0.3
    assert apart(asked(neutral, now).place, neutral.place) < 0.1


def test_a_face_without_landmarks_is_found_as_well(real: Shown) -> None:
    """A client has named its box, and it moves a little inside."""
    boxed = real[0], Face(real[1].box)
    change = change_of(x=2.5, y=-1.5)
    neutral, now = neutral_in(*boxed), (moved(*boxed, change)[0], boxed[1])
    assert apart(asked(neutral, now).place, chained(change, neutral.place)) < 0.2


def test_where_another_picture_is_a_face_is_carried_by_its_landmarks_alone(real: Shown) -> None:
    neutral, now = neutral_in(*real), (frame_of(textured(1, 640, 360)), real[1])
    np.testing.assert_allclose(asked(neutral, now).place, neutral.place, atol=1e-9)


# In its light


@every_change
@pytest.mark.parametrize("gain", [1.0, 1.15, 0.9])
def test_a_mouth_at_rest_leaves_a_head_that_has_moved_as_it_is(
    real: Shown, change: np.ndarray, gain: float
) -> None:
    """It is carried to where the head is, and lit as it is there."""
    neutral, (frame, face) = neutral_in(*real), moved(*real, change, gain)
    blend, canvas = blend_of(neutral), frame.i420()
    blend.paste(canvas, frame, asked(neutral, (frame, face)), neutral.rest)
    for before, after, each in zip(frame.planes(), planes_of(canvas), SUBSAMPLING, strict=True):
        error = np.abs(after.astype(int) - before)
        assert error.max() <= 12
        assert error.sum() < 1.5 * face.box.area / 2 / each**2
