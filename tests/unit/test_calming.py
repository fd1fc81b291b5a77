"""A mouth at rest stands in for a wide one, while the head is held alike."""

import numpy as np
import pytest
from support.media.faces import STUDIO, neutral_in, seen_as
from support.media.synthetic import frame_of, textured

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, HALF, Box
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.soft import MOUTH, SoftBlend, unrest_of
from lipsyncd.media.frame import Frame

BOX = Box(0, 0, 96, 96)
GREY, BLUE = (120, 120, 120), (0, 0, 255)


def face(smile: float = 0.8) -> Face:
    """One whose mouth is so wide."""
    half = 20 * smile
    return Face(BOX, (28, 35, 68, 35, 48, 55, 48 - half, 72, 48 + half, 72))


def picture(teeth: int = 0, above: tuple[float, float, float] = GREY) -> Frame:
    """A flat face with a dark line for a mouth, or with so bright teeth in it."""
    rgb = np.full((96, 96, 3), 120, np.uint8)
    rgb[:48] = above
    rgb[71:73, 34:62] = 90
    if teeth:
        rgb[66:80, 30:66] = 40
        rgb[69:75, 34:62] = teeth
    return frame_of(rgb)


CALM, GRIN = (picture(), face()), (picture(teeth=220), face(0.95))


def neutral(shown: tuple[Frame, Face] = CALM) -> NeutralFace:
    return neutral_in(*shown)


def asked(shown: tuple[Frame, Face], known: NeutralFace) -> Asked:
    """What the generator is asked for a face in a frame."""
    return SoftBlend(STUDIO, lambda _: known).ask(shown[0], seen_as(shown[1]))


# Calming


def test_a_calm_mouth_is_its_own_reference() -> None:
    known = asked(CALM, neutral())
    assert known.calmed == 0
    np.testing.assert_array_equal(known.reference, known.crop)


def test_a_grin_is_given_the_calm_mouth_of_its_shot() -> None:
    known = neutral()
    found = asked(GRIN, known)
    assert found.calmed == 1
    np.testing.assert_array_equal(found.reference, known.crop)
    assert (found.crop != known.crop).any(), "it is the reference alone that is calmed"


def test_teeth_without_a_smile_are_calmed_too() -> None:
    assert asked((GRIN[0], face()), neutral()).calmed == 1


def test_a_closed_smile_is_wide_too() -> None:
    """It has no more contrast than a mouth at rest; its corners tell."""
    assert asked((CALM[0], face(0.95)), neutral()).calmed == 1


def test_a_mouth_that_is_hardly_wider_is_calmed_in_part() -> None:
    """So that nothing jumps from one frame to the next."""
    found = [asked((CALM[0], face(0.8 * wider)), neutral()).calmed for wider in (1.05, 1.08, 1.1)]
    assert 0 < found[0] < found[1] < found[2] < 1


def test_where_the_calmest_mouth_grins_every_mouth_is_its_own_reference() -> None:
    assert asked(GRIN, neutral(GRIN)).calmed == 0
    assert asked(CALM, neutral(GRIN)).calmed == 0


def turning() -> list[tuple[Frame, Face]]:
    """A grin under an upper face that becomes more and more another."""
    shares = np.linspace(0, 1, 33)[:, None]
    mixes = (1 - shares) * GREY + shares * BLUE
    return [(picture(220, tuple(mix)), face(0.95)) for mix in mixes]


def test_a_head_that_has_turned_is_its_own_reference() -> None:
    """The more the upper faces differ, the less of the calm crop is taken."""
    found = [asked(shown, neutral()).calmed for shown in turning()]
    assert (found[0], found[-1]) == (1, 0)
    assert found == sorted(found, reverse=True)


def test_while_a_head_turns_the_reference_is_a_mixture() -> None:
    known = neutral()
    mixed = [each for shown in turning() if 0 < (each := asked(shown, known)).calmed < 1]
    assert mixed
    for each in mixed:
        expected = each.calmed * known.crop + (1 - each.calmed) * each.crop
        np.testing.assert_allclose(each.reference, expected, atol=0.51)


def test_the_neutral_face_is_never_written_to() -> None:
    known = neutral()
    crop, samples = known.crop.copy(), known.samples.copy()
    asked(GRIN, known)
    np.testing.assert_array_equal(known.crop, crop)
    np.testing.assert_array_equal(known.samples, samples)


# Unrest


def mouth(teeth: int = 0, skin: int = 120) -> np.ndarray:
    """The luma of a flat face with a dark line for a mouth, or with so bright teeth in it."""
    luma = np.full((CROP, CROP), skin, np.uint8)
    luma[71:73, 34:62] = 0.75 * skin
    if teeth:
        luma[66:80, 30:66] = 40
        luma[69:75, 34:62] = teeth
    return luma


def test_teeth_are_unrest() -> None:
    assert unrest_of(mouth(teeth=220), 0.8) > 3 * unrest_of(mouth(), 0.8)


def test_an_open_mouth_is_unrest() -> None:
    assert unrest_of(mouth(teeth=40), 0.8) > 3 * unrest_of(mouth(), 0.8)


def test_a_wider_mouth_is_more_unrest() -> None:
    assert unrest_of(mouth(), 1.0) == pytest.approx(1.25 * unrest_of(mouth(), 0.8))


def test_a_face_in_the_dark_is_no_calmer() -> None:
    assert unrest_of(mouth(skin=60), 0.8) == pytest.approx(unrest_of(mouth(), 0.8), rel=0.02)


def test_what_is_above_the_mouth_is_no_unrest() -> None:
    luma = mouth()
    luma[:HALF] = textured(1, CROP, HALF)[..., 0]
    assert unrest_of(luma, 0.8) == unrest_of(mouth(), 0.8)


def test_the_mouth_lies_in_the_lower_half_of_a_crop() -> None:
    assert MOUTH.shape == (HALF, CROP)
    assert MOUTH.sum() == pytest.approx(1)
    assert max(edge.max() for edge in (MOUTH[0], MOUTH[-1], MOUTH[:, 0], MOUTH[:, -1])) == 0
