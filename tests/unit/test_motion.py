"""Motion is what changed between two mouths: how pixels moved, and what no movement explains."""

import cv2
import numpy as np
import pytest
from support.media.synthetic import textured

from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.motion import DARKEST, GRID, MASK, Motion, MotionFinder, between_lips, warped

WHOLE = MASK == 1  # where a new mouth is seen as it is
SHIFTS = [(2.0, 0.0), (0.0, -3.0), (1.5, 2.5), (-0.5, 0.25)]


def rest(seed: int = 2) -> np.ndarray:
    """A mouth with detail everywhere."""
    return textured(seed, CROP, HALF).astype(np.float32)


def shifted(x: float, y: float) -> np.ndarray:
    """The mouth at rest, whose pixels were that far away."""
    return warped(rest(), np.full((HALF, CROP, 2), (x, y), np.float32))


def opened() -> np.ndarray:
    """The mouth at rest with a dark hole in it."""
    mouth = rest()
    cv2.ellipse(mouth, (47, 24), (14, 7), 0, 0, 360, (20, 15, 60), -1)
    return mouth


def motion(mouth: np.ndarray, gain: float = 1.0) -> Motion:
    found = MotionFinder().motion(mouth, rest(), gain)
    assert (found.flow.shape, found.change.shape) == ((HALF, CROP, 2), (HALF, CROP, 3))
    return found


def seen(found: Motion, rest: np.ndarray) -> np.ndarray:
    """What a motion makes of a mouth at rest."""
    inner = found.inner[..., None]
    return (1 - inner) * warped(rest, found.flow) + found.change + inner * found.between


def shown(found: Motion) -> np.ndarray:
    """The mouth that a motion makes of the one at rest."""
    return seen(found, rest())


def light(image: np.ndarray) -> np.ndarray:
    """Its luma, where a new mouth is seen as it is."""
    return cv2.cvtColor(image.astype(np.float32), cv2.COLOR_BGR2GRAY)[WHOLE]


def test_the_same_mouth_is_no_motion() -> None:
    same = motion(rest())
    assert np.abs(same.flow).max() < 0.01
    assert np.abs(same.change).max() < 1


@pytest.mark.parametrize("shift", SHIFTS)
def test_pixels_that_moved_are_followed_to_where_they_were(shift: tuple[float, float]) -> None:
    found = motion(shifted(*shift))
    assert np.median(found.flow[WHOLE], axis=0) == pytest.approx(shift, abs=0.15)
    assert np.abs(found.flow[WHOLE] - shift).mean() < 0.3


def test_what_a_movement_explains_is_no_change() -> None:
    mouth = shifted(1.5, 2.5)
    change = motion(mouth).change
    assert np.abs(change[WHOLE]).mean() < 0.2 * np.abs(mouth - rest())[WHOLE].mean()


def test_what_no_movement_explains_is_added() -> None:
    """The dark of an opening that was not there."""
    found = motion(opened())
    np.testing.assert_allclose(light(shown(found)), light(opened()), atol=0.5)
    hole = np.s_[22:27, 42:53]
    assert found.inner[hole].mean() > 0.95
    assert found.inner[WHOLE].mean() < 0.5


def colourfulness(image: np.ndarray) -> float:
    return float(np.ptp(image, axis=-1).mean())


def test_teeth_have_less_of_the_colour_that_is_smeared_over_them() -> None:
    lips = np.full((HALF, CROP, 3), (85, 80, 165), np.float32)
    teeth = cv2.ellipse(lips.copy(), (47, 24), (16, 9), 0, 0, 360, (120, 140, 180), -1)
    found = MotionFinder().motion(teeth, lips)
    made = seen(found, lips)
    hole, skin = np.s_[20:28, 40:55], np.s_[10:13, 40:55]
    assert colourfulness(made[hole]) < 0.7 * colourfulness(teeth[hole])
    assert colourfulness(made[skin]) == pytest.approx(colourfulness(lips[skin]), abs=2)
    np.testing.assert_allclose(light(made), light(teeth), atol=0.5)


def test_what_a_flow_would_stretch_too_far_lies_between_the_lips() -> None:
    rows = np.arange(HALF, dtype=np.float32)
    flow = np.zeros((HALF, CROP, 2), np.float32)
    flow[..., 1] = -0.8 * np.clip(rows - 18, 0, 12)[:, None]  # twelve rows show what two did
    inner = between_lips(flow, np.full((HALF, CROP, 3), 15, np.float32))
    assert inner[21:28].min() > 0.95
    assert inner[:15].max() < 0.05
    assert inner[34:].max() < 0.05


@pytest.mark.parametrize("mouth", [shifted(2, -1), opened(), rest(9)], ids=["moved", "open", "all"])
def test_where_the_mask_is_whole_the_new_mouth_is_seen_as_it_was_made(mouth: np.ndarray) -> None:
    np.testing.assert_allclose(light(shown(motion(mouth))), light(mouth), atol=0.5)


def test_flow_and_change_fade_out_with_the_mask() -> None:
    found = motion(rest(9))
    beyond = MASK == 0
    assert not found.flow[beyond].any()
    assert not found.change[beyond].any()
    for edge in (MASK[0], MASK[-1], MASK[:, 0], MASK[:, -1]):
        assert edge.max() < 0.05


@pytest.mark.parametrize("gain", [0.5, 1.6])
def test_gain_is_how_far_lips_move_and_how_dark_it_is_between_them(gain: float) -> None:
    plain, scaled = motion(shifted(1.5, 1)), motion(shifted(1.5, 1), gain)
    np.testing.assert_allclose(scaled.flow, gain * plain.flow, atol=1e-4)
    wanted = rest() + gain * (opened() - rest())
    wanted = np.clip(wanted, np.minimum(rest(), DARKEST * opened()), 255)
    np.testing.assert_allclose(light(motion(opened(), gain).between), light(wanted), atol=0.5)


def test_the_dark_between_lips_never_becomes_ink() -> None:
    lips = np.full((HALF, CROP, 3), (85, 80, 165), np.float32)
    mouth = cv2.ellipse(lips.copy(), (47, 24), (14, 7), 0, 0, 360, (20, 15, 60), -1)
    found = MotionFinder().motion(mouth, lips, 3.0).between
    dark, darker = (
        cv2.cvtColor(each, cv2.COLOR_BGR2GRAY)[22:27, 42:53].mean() for each in (mouth, found)
    )
    assert darker == pytest.approx(DARKEST * dark, abs=1)


def test_what_no_movement_explains_is_never_more_than_was_seen() -> None:
    """A shadow on the chin."""
    shaded = rest() - 8
    half, plain, more = (motion(shaded, gain).change for gain in (0.5, 1.0, 1.6))
    np.testing.assert_allclose(half, plain / 2, atol=1e-3)
    np.testing.assert_allclose(more, plain, atol=0.5)


def test_without_gain_there_is_no_motion() -> None:
    still = motion(opened(), 0.0)
    assert not still.flow.any()
    assert np.abs(still.change).max() < 1e-3


def test_what_one_motion_was_says_nothing_of_the_next() -> None:
    """Frames are rendered in any order."""
    finder = MotionFinder()
    first = finder.motion(shifted(2, -1), rest())
    finder.motion(opened(), rest(9))
    again = finder.motion(shifted(2, -1), rest())
    np.testing.assert_array_equal(again.flow, first.flow)
    np.testing.assert_array_equal(again.change, first.change)


def test_the_mouths_are_never_written_to() -> None:
    mouth, calm = opened(), rest()
    MotionFinder().motion(mouth, calm)
    np.testing.assert_array_equal(mouth, opened())
    np.testing.assert_array_equal(calm, rest())


def test_a_picture_without_flow_is_the_same_picture() -> None:
    np.testing.assert_allclose(warped(rest(), np.zeros_like(GRID)), rest(), atol=1e-4)
