"""A mouth at rest stands in for a wide one, within a shot and while the head is held alike."""

from dataclasses import replace

import numpy as np
import pytest

from lipsyncd.face.box import Box
from lipsyncd.face.neutral import NeutralFace

BOX = Box(0, 0, 96, 96, smile=0.8)
GRIN = replace(BOX, smile=0.95)


def face(teeth: int = 0, above: int = 120) -> np.ndarray:
    """A flat face with a dark line for a mouth, or with so bright teeth in it."""
    crop = np.full((96, 96, 3), 120, np.uint8)
    crop[:48] = above
    crop[71:73, 34:62] = 90
    if teeth:
        crop[66:80, 30:66] = 40
        crop[69:75, 34:62] = teeth
    return crop


def test_a_calm_mouth_is_its_own_reference() -> None:
    reference, calmed = NeutralFace().reference(face(), BOX)
    assert calmed == 0
    np.testing.assert_array_equal(reference, face())


def test_a_grin_is_given_the_calm_mouth_of_its_shot() -> None:
    neutral = NeutralFace()
    neutral.reference(face(), BOX)
    reference, calmed = neutral.reference(face(teeth=220), GRIN)
    assert calmed == 1
    np.testing.assert_array_equal(reference, face())


def test_a_closed_smile_is_wide_too() -> None:
    """It has no more contrast than a mouth at rest; its corners tell."""
    neutral = NeutralFace()
    neutral.reference(face(), BOX)
    assert neutral.reference(face(), GRIN)[1] == 1


def test_a_calmer_mouth_takes_over_when_it_comes() -> None:
    neutral = NeutralFace()
    assert neutral.reference(face(teeth=220), GRIN)[1] == 0
    assert neutral.reference(face(), BOX)[1] == 0
    assert neutral.reference(face(teeth=220), GRIN)[1] == 1


def test_the_mouth_of_another_shot_is_forgotten() -> None:
    neutral = NeutralFace()
    neutral.reference(face(), BOX)
    neutral.forget()
    assert neutral.reference(face(teeth=220), GRIN)[1] == 0


@pytest.mark.parametrize(("above", "calmed"), [(120, 1.0), (144, 1.0), (152, 0.5), (160, 0.0)])
def test_a_head_that_has_turned_is_its_own_reference(above: int, calmed: float) -> None:
    """The more the upper faces differ, the less of the calm crop is taken."""
    neutral = NeutralFace()
    neutral.reference(face(), BOX)
    assert neutral.reference(face(teeth=220, above=above), GRIN)[1] == pytest.approx(calmed)


def test_the_crop_itself_is_never_written_to() -> None:
    neutral, crop = NeutralFace(), face(teeth=220)
    neutral.reference(face(), BOX)
    neutral.reference(crop, GRIN)
    np.testing.assert_array_equal(crop, face(teeth=220))
