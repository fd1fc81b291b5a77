"""The survey finds the frame in which a mouth is most at rest, and where none is to be seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.checkpoints import mesh
from support.media.faces import Drawn, drawn, face_of
from support.media.synthetic import frame_of

from lipsyncd.face.face import Face
from lipsyncd.face.track import Run
from lipsyncd.face.warp import place_of
from lipsyncd.media.frame import Frame, picture_of
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.render.survey import EASE, TURNED, Survey, sharpness

FACE: Drawn = (320, 240, 110)
FRONT = face_of(FACE)
CALM, OPEN = drawn(640, 480, [FACE]), drawn(640, 480, [FACE], gape=0.3)
MOUTH = np.s_[270:400, 230:330]  # in these pictures
EVERY = 5  # frames between two looks

Look = tuple[Frame, Face]


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return Landmarker(mesh())


def pixels_of(frame: Frame) -> np.ndarray:
    return frame.bgr(frame.width, frame.height)[..., ::-1].copy()


def covered(frame: Frame, colour: tuple[int, int, int] = (40, 40, 40)) -> Frame:
    """Something is held before half of the mouth."""
    rgb = pixels_of(frame)
    rgb[MOUTH] = colour
    return frame_of(rgb)


def blurred(frame: Frame) -> Frame:
    return frame_of(cv2.GaussianBlur(pixels_of(frame), (0, 0), 3))


def darker(frame: Frame, by: int) -> Frame:
    return frame_of(np.clip(pixels_of(frame).astype(int) - by, 0, 255).astype(np.uint8))


def turned(share: float) -> Face:
    """The face with its nose so far to one side."""
    points = FRONT.points().copy()
    points[2, 0] += share * (points[1, 0] - points[0, 0])
    return replace(FRONT, landmarks=tuple(points.ravel().tolist()))


def surveyed(landmarker: Landmarker, looks: list[Look], start: int = 0) -> tuple[Survey, Run]:
    """A run that was looked at EVERY so many frames."""
    survey, run = Survey(landmarker), Run(start, False)
    add(survey, run, looks)
    return survey, run


def add(survey: Survey, run: Run, looks: list[Look]) -> None:
    for place, (frame, face) in enumerate(looks):
        run.grow(np.tile(face.row(), (EVERY if place else 1, 1)))
        survey.look(run, Frame(run.stop - 1, frame.picture), face)


# The calmest mouth


@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_closed_mouth_is_calmer_than_open_ones(landmarker: Landmarker, place: int) -> None:
    looks = [(OPEN, FRONT)] * 4
    looks[place] = (CALM, FRONT)
    survey, run = surveyed(landmarker, looks, start=7)
    assert survey.calmest(run, range(7, run.stop)) == 7 + EVERY * place


def test_a_sharp_picture_is_calmer_than_a_blurred_one(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(blurred(CALM), FRONT), (CALM, FRONT)])
    assert survey.calmest(run, range(run.stop)) == EVERY


def test_a_head_from_the_front_is_calmer_than_a_turned_one(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, turned(0.25)), (CALM, FRONT), (CALM, turned(-0.2))])
    assert survey.calmest(run, range(run.stop)) == EVERY


def test_a_mouth_is_looked_for_where_its_face_is_the_chosen_one(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, FRONT), (OPEN, FRONT), (OPEN, FRONT)])
    assert survey.calmest(run, range(1, run.stop)) != 0


@pytest.mark.parametrize("colour", [(40, 40, 40), (230, 200, 180)])
def test_a_mouth_that_is_covered_is_not_the_calmest(
    landmarker: Landmarker, colour: tuple[int, int, int]
) -> None:
    """However calm it is what is held before it."""
    looks = [(OPEN, FRONT)] * 3 + [(covered(CALM, colour), FRONT)] + [(OPEN, FRONT)] * 3
    survey, run = surveyed(landmarker, looks)
    assert survey.calmest(run, range(run.stop)) != 3 * EVERY


def test_faces_are_not_mixed_up(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(OPEN, FRONT), (CALM, FRONT)])
    other = Run(0, False)
    add(survey, other, [(CALM, FRONT), (OPEN, FRONT)])
    assert survey.calmest(run, range(run.stop)) == EVERY
    assert survey.calmest(other, range(other.stop)) == 0


# Where a mouth is to be seen


def test_a_face_from_the_front_is_always_shown(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, FRONT), (OPEN, FRONT), (CALM, turned(0.2))])
    np.testing.assert_array_equal(survey.shown(run), np.ones(run.stop))


def test_a_single_look_is_enough(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, FRONT)], start=20)
    np.testing.assert_array_equal(survey.shown(run), [1.0])


@pytest.mark.parametrize("share", [0.5, -0.5])
def test_a_face_from_the_side_is_not_shown(landmarker: Landmarker, share: float) -> None:
    survey, run = surveyed(landmarker, [(CALM, turned(share))] * 3)
    np.testing.assert_array_equal(survey.shown(run), np.zeros(run.stop))


def test_a_face_that_is_turned_somewhat_is_shown_in_part(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, turned(sum(TURNED) / 2))] * 3)
    np.testing.assert_allclose(survey.shown(run), 0.5, atol=1e-6)


def test_a_mouth_that_is_covered_is_not_shown(landmarker: Landmarker) -> None:
    """From the look before to the look after: nobody knows when the hand came or when it went."""
    looks = [(CALM, FRONT)] * 6 + [(covered(CALM), FRONT)] + [(CALM, FRONT)] * 6
    survey, run = surveyed(landmarker, looks)
    shown = survey.shown(run)
    assert len(shown) == run.stop
    assert not shown[5 * EVERY + 1 : 7 * EVERY].any()
    assert (shown[: 5 * EVERY - 2 * EASE] == 1).all()
    assert (shown[7 * EVERY + 2 * EASE + 1 :] == 1).all()


def test_before_a_mouth_is_covered_it_fades(landmarker: Landmarker) -> None:
    looks = [(CALM, FRONT)] * 6 + [(covered(CALM), FRONT)] + [(CALM, FRONT)] * 6
    survey, run = surveyed(landmarker, looks)
    steps = np.diff(survey.shown(run))
    assert np.abs(steps).max() < 0.4
    assert (steps[: 6 * EVERY] <= 0).all()
    assert (steps[6 * EVERY :] >= 0).all()


@pytest.mark.parametrize("by", [-30, 30])
def test_light_that_comes_and_goes_is_no_hand(landmarker: Landmarker, by: int) -> None:
    looks = [(CALM, FRONT)] * 6 + [(darker(CALM, by), FRONT)] + [(CALM, FRONT)] * 6
    survey, run = surveyed(landmarker, looks)
    assert (survey.shown(run) == 1).all()


def test_a_mouth_that_opens_is_no_hand(landmarker: Landmarker) -> None:
    looks = [(CALM, FRONT)] * 6 + [(OPEN, FRONT)] + [(CALM, FRONT)] * 6
    survey, run = surveyed(landmarker, looks)
    assert (survey.shown(run) == 1).all()


# Measures


def test_sharpness_is_less_in_a_blurred_picture_and_never_0() -> None:
    place = place_of(FRONT.box)
    samples = CALM.i420()
    blurred = Frame(0, picture_of(cv2.GaussianBlur(samples, (0, 0), 2), CALM))
    flat = Frame(0, picture_of(np.full_like(samples, 90), CALM))
    assert sharpness(CALM, place) > sharpness(blurred, place) >= 1
    assert sharpness(flat, place) == 1
