"""A mouth at rest is told from others: closed, shaped as usual, held as usual, and sharp."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.media.lips import MIDDLE, lips_of

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.face import Face
from lipsyncd.face.rest import ASIDE, Mouth, calmest, mouth_of, toothiest

FACE = Face(Box(0, 0, CROP, CROP), (28, 35, 67, 35, 47.5, 55, 34, 72, 61, 72))
CELLS = np.random.default_rng(6).normal(0, 30, (30, 3)).astype(np.float32)
SHARP = 5.0


def sized(across: float, down: float) -> np.ndarray:
    """A change of a mouth's size about its middle."""
    scale = np.diag([across, down])
    return np.column_stack([scale, MIDDLE - scale @ MIDDLE])


def mouth(
    opening: tuple[float, float] = (0, 0), across: float = 1.0, down: float = 1.0, lower: float = 13
) -> Mouth:
    """One of usual size, if nothing else is said."""
    lips = lips_of(opening, sized(across, down), outer=(13, lower))
    return mouth_of(lips, FACE, CELLS, SHARP)


def dropped(down: float) -> Mouth:
    """The usual one, with its jaw down."""
    lips, below = lips_of((0, 0)), np.array([0, down])
    low = replace(lips, lower=lips.lower + below, bottom=lips.bottom + below)
    return mouth_of(low, FACE, CELLS, SHARP)


def painted(mouth: Mouth, part: slice, by: float = 25) -> Mouth:
    """With some of its cells brighter, as a smirk or a blown cheek makes them."""
    cells = mouth.cells.copy()
    cells[part] += by
    return replace(mouth, cells=cells)


def grained(mouth: Mouth, rng: np.random.Generator, brighter: float) -> Mouth:
    """No two looks at a face are the same; and the teeth of a smile are bright."""
    grain = rng.normal(0, 2, mouth.cells.shape)
    grain[8:16] += brighter
    return replace(mouth, cells=mouth.cells + grain.astype(np.float32))


CLOSED, OPEN = mouth(), mouth((3, 5))
ODD = {
    "pout": mouth(across=0.75, down=1.2),
    "pressed": mouth(down=0.5),
    "smile": mouth(across=1.3, down=0.8),
    "bitten lower lip": mouth(lower=5),
}
every_odd = pytest.mark.parametrize("odd", ODD.values(), ids=ODD)


# Open and closed


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_closed_mouth_is_calmer_than_open_ones(place: int) -> None:
    mouths = [OPEN] * 5
    mouths[place] = CLOSED
    assert calmest(mouths) == place


@pytest.mark.parametrize("count", [3, 9, 40])
def test_one_closed_mouth_is_calmer_than_many_smiles_that_are_alike(count: int) -> None:
    """What is usual in them is no rest."""
    rng = np.random.default_rng(2)
    smiles = [
        grained(mouth((4 + more, 6.5 + more), across=1.3, down=0.8), rng, 25)
        for more in rng.uniform(-0.2, 0.2, count)
    ]
    assert calmest([*smiles, grained(CLOSED, rng, 0)]) == count


def test_the_less_a_jaw_is_down_the_calmer_a_mouth_is() -> None:
    assert calmest([dropped(down) for down in (9, 4, 2, 5, 3)]) == 2


def test_an_open_mouth_is_not_calm_however_sharp_it_is() -> None:
    assert calmest([replace(OPEN, sharpness=2 * SHARP), CLOSED, CLOSED]) == 1


def test_a_single_look_is_the_calmest() -> None:
    assert calmest([OPEN]) == 0
    assert calmest([replace(CLOSED, turn=0.5, sharpness=0.5)]) == 0


# The usual shape


@every_odd
def test_of_closed_mouths_one_that_is_shaped_as_usual_is_the_calmest(odd: Mouth) -> None:
    assert odd.openness == CLOSED.openness == 0
    assert calmest([odd, CLOSED, CLOSED, CLOSED]) == 1


@every_odd
def test_what_is_usual_is_not_said_beforehand(odd: Mouth) -> None:
    """Some people's lips are always thin, or full."""
    assert calmest([CLOSED, odd, odd, odd]) == 1


@every_odd
def test_open_mouths_do_not_tell_what_is_usual(odd: Mouth) -> None:
    mouths = [OPEN, mouth((2, 6)), odd, CLOSED, CLOSED, mouth((4, 5)), mouth((3, 7))]
    assert calmest(mouths) == 3


def test_a_smirk_that_the_lips_do_not_show_is_seen_in_the_lower_face() -> None:
    smirk = painted(CLOSED, np.s_[:6])
    np.testing.assert_array_equal(smirk.shape, CLOSED.shape)
    assert calmest([smirk, CLOSED, CLOSED, CLOSED]) == 1


def test_the_more_of_the_lower_face_is_unlike_the_usual_the_less_calm_it_is() -> None:
    parts = np.s_[:9], np.s_[9:11], np.s_[11:18], np.s_[18:24]  # no two looks share any
    assert calmest([painted(CLOSED, part) for part in parts]) == 1


# Head and picture


@pytest.mark.parametrize("turn", [0.3, -0.3])
def test_a_head_that_is_held_as_usual_is_calmer_than_a_turned_one(turn: float) -> None:
    assert calmest([replace(CLOSED, turn=turn), CLOSED, CLOSED]) == 1


def test_who_always_looks_aside_is_calm_that_way() -> None:
    aside = replace(CLOSED, turn=0.2)
    assert calmest([CLOSED, replace(CLOSED, turn=0.4), aside, aside, aside]) == 2


def test_who_looks_to_and_fro_is_calmest_from_the_front() -> None:
    turns = [0.2, 0.1, 0.05, -0.15, -0.2, 0.15]
    assert calmest([replace(CLOSED, turn=turn) for turn in turns]) == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_sharp_picture_is_calmer_than_blurred_ones(place: int) -> None:
    mouths = [replace(CLOSED, sharpness=SHARP / 3)] * 3
    mouths[place] = CLOSED
    assert calmest(mouths) == place


# What is told of a look


@pytest.mark.parametrize("roll", [-0.7, 0.0, 0.4, 1.5])
@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_shape_does_not_tell_how_a_face_is_inclined_nor_its_size_and_place(
    roll: float, scale: float
) -> None:
    cos, sin = scale * math.cos(roll), scale * math.sin(roll)
    change = np.array([[cos, -sin, 310.0], [sin, cos, 120.0]])
    points = FACE.points() @ change[:, :2].T + change[:, 2]
    box = Box(200, 50, 200 + scale * CROP, 50 + scale * CROP)
    face = Face(box, tuple(points.ravel().tolist()))
    seen = mouth_of(lips_of((3, 5), change), face, CELLS, SHARP)
    assert face.roll == pytest.approx(roll)
    np.testing.assert_allclose(seen.shape, OPEN.shape, atol=1e-6)
    assert seen.openness == pytest.approx(OPEN.openness)


def test_the_shape_does_not_tell_how_far_the_jaw_is_down() -> None:
    """That is openness; the lower lip counts by its thickness."""
    np.testing.assert_allclose(dropped(9).shape, CLOSED.shape, atol=1e-6)
    assert dropped(9).openness > CLOSED.openness


def test_a_look_keeps_the_turn_of_the_head_and_what_it_is_given() -> None:
    face = replace(FACE, landmarks=(28, 35, 67, 35, 55, 55, 34, 72, 61, 72))
    look = mouth_of(lips_of(), face, CELLS, SHARP)
    assert (look.turn, look.sharpness) == (face.turn, SHARP)
    assert look.cells is CELLS
    assert look.shape.shape == (33, 2)


# Teeth


def test_teeth_are_taken_from_where_most_are_seen() -> None:
    mouths = [replace(OPEN, teeth=teeth) for teeth in (0.03, 0.08, 0.05)]
    assert toothiest([CLOSED, *mouths], CLOSED) == 2


def test_a_head_that_is_turned_otherwise_shows_others() -> None:
    best = replace(OPEN, teeth=0.08, turn=CLOSED.turn + ASIDE)
    assert toothiest([best, CLOSED, replace(OPEN, teeth=0.05)], CLOSED) == 2


def test_a_calm_mouth_that_shows_as_much_keeps_its_own() -> None:
    calm = replace(CLOSED, teeth=0.08)
    assert toothiest([replace(OPEN, teeth=0.06), calm], calm) is None


def test_where_none_are_seen_there_are_none() -> None:
    assert toothiest([CLOSED, OPEN, replace(OPEN, teeth=0.01)], CLOSED) is None
