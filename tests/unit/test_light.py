"""Light is told by the skin around the mouth, and nothing else is taken for it."""

import numpy as np
import pytest
from support.media.synthetic import textured

from lipsyncd.face.box import CROP, ellipse
from lipsyncd.face.light import MOST, light_between, skin_around

MASK = ellipse(centre=(47.5, 71), radii=(42, 24), core=0.6)
SKIN = skin_around(MASK)
COLUMNS = np.mgrid[:CROP, :CROP][1]


def face(seed: int = 4) -> np.ndarray:
    """A crop with detail, and room for more light and less."""
    return (90 + 0.3 * textured(seed, CROP, CROP)).astype(np.uint8)


def lit(crop: np.ndarray, light: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(crop + light), 0, 255).astype(np.uint8)


def found(seen: np.ndarray, known: np.ndarray) -> np.ndarray:
    light = light_between(seen, known, SKIN)
    assert (light.shape, light.dtype) == ((CROP, CROP, 3), np.float32)
    return light


def test_in_the_same_light_there_is_nothing_to_add() -> None:
    assert np.abs(found(face(), face())).max() < 1e-3


@pytest.mark.parametrize("light", [(12, 12, 12), (-20, -20, -20), (10, -6, 3)])
def test_another_brightness_or_tint_is_found_all_over(light: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(found(face() + np.array(light), face()) - light, 0, atol=0.5)


@pytest.mark.parametrize("across", [0.3, -0.2])
def test_light_from_the_side_is_carried_over_to_where_the_mouth_is(across: float) -> None:
    slope = (across * (COLUMNS - 47.5))[..., None] * np.ones(3)
    error = (found(lit(face(), slope), face()) - slope) * MASK[..., None]
    assert np.abs(across * 84) > 15, "from one end of the mask to the other"
    assert np.abs(error).max() < 3
    assert np.abs(error).mean() < 0.5


def test_light_is_carried_from_wherever_skin_is_seen() -> None:
    """Hair, and a hand, may leave very little."""
    skin = np.zeros((CROP, CROP), np.float32)
    skin[44:56, 8:20] = 1
    light = light_between(face() + np.uint8(12), face(), skin)
    np.testing.assert_allclose(light, 12, atol=1)


def test_what_the_mouth_does_is_not_taken_for_light() -> None:
    """A dark opening and bright teeth, where no skin is looked at."""
    seen = face()
    seen[64:80, 32:64] = 20
    seen[66:72, 36:60] = 240
    assert np.abs(found(seen, face())).max() < 0.1


@pytest.mark.parametrize("colour", [(60, 80, 140), (20, 20, 20), (250, 250, 250)])
@pytest.mark.parametrize("where", [np.s_[50:80, :18], np.s_[40:60, 60:84]])
def test_a_patch_that_is_odd_is_not_taken_for_light(
    colour: tuple[int, int, int], where: tuple[slice, slice]
) -> None:
    """A hand at the cheek, or a fold."""
    seen = lit(face(), np.full(3, 5.0))
    seen[where] = colour
    light = found(seen, face()) - 5
    assert np.abs(light[60:84, 30:66]).max() < 3
    assert np.abs(light[60:84, 30:66]).mean() < 0.5


def test_more_than_any_light_is_believed_up_to_a_limit() -> None:
    light = found(np.full((CROP, CROP, 3), 220, np.uint8), np.full((CROP, CROP, 3), 60, np.uint8))
    np.testing.assert_allclose(light, MOST, rtol=0.01)


def test_light_is_smooth() -> None:
    """It has none of the detail in which two crops may differ."""
    difference = face(4).astype(float) - face(5)
    light = found(face(4), face(5))
    for axis in (0, 1):
        steps, detail = (np.abs(np.diff(each, axis=axis)) for each in (light, difference))
        assert steps.max() < 0.3 * detail.max()


def test_the_crops_are_never_written_to() -> None:
    seen, known = face(4), face(5)
    found(seen, known)
    np.testing.assert_array_equal(seen, face(4))
    np.testing.assert_array_equal(known, face(5))


def test_skin_is_the_face_without_the_mouth_and_the_neck() -> None:
    assert (SKIN.min(), SKIN.shape) == (0, (CROP, CROP))
    assert SKIN[MASK > 0.7].max() == 0
    assert SKIN[88:].max() == 0
    assert SKIN[50, [16, 78]].min() > 0.9, "the cheeks tell the most"
    assert SKIN[30].max() < 0.4, "the brow less"
