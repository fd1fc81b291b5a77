"""A palette holds what is added to a face to the colours that it has."""

import cv2
import numpy as np
import pytest

from lipsyncd.face.palette import Palette, hues_of, luma, palette_of

SKIN, LIPS = (110.0, 140.0, 200.0), (90.0, 90.0, 170.0)  # B, G, R
VIOLET, CRIMSON, TOOTH, DARK = (170, 100, 170), (20, 15, 120), (170, 180, 190), (5, 6, 9)


def face() -> np.ndarray:
    """Lips on skin, (48, 96, 3)."""
    image = np.full((48, 96, 3), SKIN, np.float32)
    image[18:30, 30:66] = LIPS
    return image


def palette() -> Palette:
    return palette_of(face(), np.ones((48, 96), bool))


def filled(colour: tuple[float, float, float]) -> np.ndarray:
    return np.full((4, 4, 3), colour, np.float32)


@pytest.mark.parametrize("own", [SKIN, LIPS])
@pytest.mark.parametrize("light", [0.3, 1.0, 1.2])
def test_its_own_colours_stay_as_they_are_in_any_light(
    own: tuple[float, float, float], light: float
) -> None:
    wanted = light * filled(own)
    np.testing.assert_allclose(palette().held(wanted, filled(SKIN)), wanted, atol=1)


@pytest.mark.parametrize("other", [VIOLET, CRIMSON])
def test_others_become_its_own_and_stay_as_light(other: tuple[float, float, float]) -> None:
    held = palette().held(filled(other), filled(SKIN))
    np.testing.assert_allclose(luma(held), luma(filled(other)), atol=0.1)
    most = np.maximum(hues_of(filled(SKIN)), hues_of(filled(LIPS)))
    assert (hues_of(held) <= most + 0.02).all()
    assert np.abs(held - filled(other)).max() > 20


def test_a_colour_that_was_there_before_stays() -> None:
    """A mole, or a piercing."""
    np.testing.assert_allclose(palette().held(filled(VIOLET), filled(VIOLET)), filled(VIOLET), 0.01)


@pytest.mark.parametrize("inside", [TOOTH, DARK])
def test_teeth_and_the_dark_may_be_grey(inside: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(palette().held_between(filled(inside)), filled(inside), atol=0.5)


def test_the_dark_between_lips_is_no_redder_than_they_are() -> None:
    held = palette().held_between(filled(CRIMSON))
    assert hues_of(held)[..., 1].max() <= hues_of(filled(LIPS))[..., 1].max() + 0.02
    np.testing.assert_allclose(luma(held), luma(filled(CRIMSON)), atol=0.1)


def test_a_glint_is_none_of_its_colours() -> None:
    image = face()
    cv2.circle(image, (20, 10), 1, (255, 120, 120), -1)
    glinting = palette_of(image, np.ones((48, 96), bool))
    np.testing.assert_allclose(glinting.most, palette().most, atol=0.03)


def test_of_a_face_in_the_dark_every_colour_is_believed() -> None:
    dark = palette_of(0.05 * face(), np.ones((48, 96), bool))
    np.testing.assert_allclose(dark.held(filled(VIOLET), filled(SKIN)), filled(VIOLET), atol=0.5)
