"""A mouth at rest stands in for a wide one, within a shot and while the head is held alike."""

from dataclasses import replace

import numpy as np
import pytest

from lipsyncd.face.box import Box
from lipsyncd.face.neutral import Rest

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
    reference, calmed = Rest().reference(face(), BOX)
    assert calmed == 0
    np.testing.assert_array_equal(reference, face())


def test_a_grin_is_given_the_calm_mouth_of_its_shot() -> None:
    rest = Rest()
    rest.reference(face(), BOX)
    reference, calmed = rest.reference(face(teeth=220), GRIN)
    assert calmed == 1
    np.testing.assert_array_equal(reference, face())


def test_a_closed_smile_is_wide_too() -> None:
    """It has no more contrast than a mouth at rest; its corners tell."""
    rest = Rest()
    rest.reference(face(), BOX)
    assert rest.reference(face(), GRIN)[1] == 1


def test_a_calmer_mouth_takes_over_when_it_comes() -> None:
    rest = Rest()
    assert rest.reference(face(teeth=220), GRIN)[1] == 0
    assert rest.reference(face(), BOX)[1] == 0
    assert rest.reference(face(teeth=220), GRIN)[1] == 1


def test_the_mouth_of_another_shot_is_forgotten() -> None:
    rest = Rest()
    rest.reference(face(), BOX)
    rest.forget()
    assert rest.reference(face(teeth=220), GRIN)[1] == 0


@pytest.mark.parametrize(("above", "calmed"), [(120, 1.0), (144, 1.0), (152, 0.5), (160, 0.0)])
def test_a_head_that_has_turned_is_its_own_reference(above: int, calmed: float) -> None:
    """The more the upper faces differ, the less of the calm crop is taken."""
    rest = Rest()
    rest.reference(face(), BOX)
    assert rest.reference(face(teeth=220, above=above), GRIN)[1] == pytest.approx(calmed)


def test_the_crop_itself_is_never_written_to() -> None:
    rest, crop = Rest(), face(teeth=220)
    rest.reference(face(), BOX)
    rest.reference(crop, GRIN)
    np.testing.assert_array_equal(crop, face(teeth=220))
