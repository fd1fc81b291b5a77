"""The survey finds the frame in which a mouth is most at rest, and where none is to be seen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from support.checkpoints import mesh
from support.media.faces import Drawn, drawn, face_of
from support.media.synthetic import frame_of

from lipsyncd.face.face import Face
from lipsyncd.face.lips import Lips
from lipsyncd.face.track import Run
from lipsyncd.face.warp import place_of
from lipsyncd.media.frame import Frame, picture_of
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.render.survey import EASE, TURNED, Survey, sharpness

FACE: Drawn = (320, 240, 110)
FRONT = face_of(FACE)
CALM, OPEN = drawn(640, 480, [FACE]), drawn(640, 480, [FACE], gape=0.3)
SMILE = drawn(640, 480, [FACE], gape=0.3, inside=(240, 235, 225))
CHIN = 320, 340  # in these pictures, the middle of what is held before the mouth
EVERY = 5  # frames between two looks

Look = tuple[Frame, Face]

every_cover = pytest.mark.parametrize("cover", ["cup", "microphone"])


@pytest.fixture(scope="module")
def landmarker() -> Landmarker:
    return Landmarker(mesh())


def pixels_of(frame: Frame) -> np.ndarray:
    return frame.bgr(frame.width, frame.height)[..., ::-1].copy()


def covered(frame: Frame, cover: str = "cup") -> Frame:
    """Something is held before most of the lower face."""
    rgb, (x, y) = pixels_of(frame), CHIN
    if cover == "microphone":
        cv2.circle(rgb, CHIN, 60, (30, 30, 30), -1)
    else:
        cv2.rectangle(rgb, (x - 70, y - 50), (x + 70, y + 80), (240, 240, 240), -1)
        cv2.ellipse(rgb, (x, y - 50), (70, 15), 0, 0, 360, (90, 60, 40), -1)
    return frame_of(rgb)


def grainy(frame: Frame) -> Frame:
    """With skin that has some detail, as all skin has."""
    grain = np.random.default_rng(1).normal(0, 12, (frame.height, frame.width, 1))
    return frame_of(np.clip(pixels_of(frame) + grain, 0, 255).astype(np.uint8))


def blurred(frame: Frame) -> Frame:
    return frame_of(cv2.GaussianBlur(pixels_of(frame), (0, 0), 3))


def darker(frame: Frame, by: int) -> Frame:
    return frame_of(np.clip(pixels_of(frame).astype(int) - by, 0, 255).astype(np.uint8))


def turned(share: float) -> Face:
    """The face with its nose so far to one side."""
    points = FRONT.points().copy()
    points[2, 0] += share * (points[1, 0] - points[0, 0])
    return replace(FRONT, landmarks=tuple(points.ravel().tolist()))


class Astray(Landmarker):
    """One that finds the mouth of the third look alone, and lips on the brow else."""

    def __init__(self) -> None:
        self._finds, self._looks = Landmarker(mesh()), 0

    def lips(self, frame: Frame, face: Face) -> Lips:
        self._looks += 1
        away = 0.0 if self._looks == 3 else -0.5 * face.box.height
        return self._finds.lips(frame, face).moved(np.array([[1, 0, 0], [0, 1, away]]))


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
    sharp = grainy(CALM)
    survey, run = surveyed(landmarker, [(blurred(sharp), FRONT), (sharp, FRONT)])
    assert survey.calmest(run, range(run.stop)) == EVERY


def test_a_head_from_the_front_is_calmer_than_a_turned_one(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, turned(0.25)), (CALM, FRONT), (CALM, turned(-0.2))])
    assert survey.calmest(run, range(run.stop)) == EVERY


def test_a_mouth_is_looked_for_where_its_face_is_the_chosen_one(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(CALM, FRONT), (OPEN, FRONT), (OPEN, FRONT)])
    assert survey.calmest(run, range(1, run.stop)) != 0


@every_cover
def test_a_mouth_that_is_covered_is_not_the_calmest(landmarker: Landmarker, cover: str) -> None:
    """However calm it is what is held before it."""
    looks = [(OPEN, FRONT)] * 3 + [(covered(CALM, cover), FRONT)] + [(OPEN, FRONT)] * 3
    survey, run = surveyed(landmarker, looks)
    assert survey.calmest(run, range(run.stop)) != 3 * EVERY


def test_where_every_mouth_is_covered_one_of_them_is_the_calmest(landmarker: Landmarker) -> None:
    looks = [(CALM, FRONT)] * 6 + [(covered(CALM), FRONT)] * 2
    survey, run = surveyed(landmarker, looks)
    assert survey.calmest(run, range(6 * EVERY, run.stop)) in {6 * EVERY, 7 * EVERY}


def test_a_mouth_that_is_not_recognised_is_not_the_calmest() -> None:
    survey, run = surveyed(Astray(), [(CALM, FRONT), (CALM, FRONT), (OPEN, FRONT)])
    assert survey.calmest(run, range(run.stop)) == 2 * EVERY


def test_where_no_mouth_is_recognised_the_first_frame_has_the_calmest() -> None:
    survey, run = surveyed(Astray(), [(CALM, FRONT)] * 2)
    assert survey.calmest(run, range(3, run.stop)) == 3


def test_faces_are_not_mixed_up(landmarker: Landmarker) -> None:
    survey, run = surveyed(landmarker, [(OPEN, FRONT), (CALM, FRONT)])
    other = Run(0, False)
    add(survey, other, [(CALM, FRONT), (OPEN, FRONT)])
    assert survey.calmest(run, range(run.stop)) == EVERY
    assert survey.calmest(other, range(other.stop)) == 0


# Teeth


def test_the_frame_that_shows_teeth_is_known_if_any_does(landmarker: Landmarker) -> None:
    looks = [(CALM, FRONT), (CALM, FRONT), (SMILE, FRONT), (OPEN, FRONT)]
    survey, run = surveyed(landmarker, looks)
    assert survey.toothiest(run, range(run.stop), 0) == 2 * EVERY
    assert survey.toothiest(run, range(2 * EVERY), 0) is None


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


def test_a_head_that_has_turned_is_not_shown_until_it_is_well_back(landmarker: Landmarker) -> None:
    """Nor when it has begun to turn; one that turns no farther is always shown."""
    there, between, back = 1.1 * TURNED[0], sum(TURNED) / 2, 0.9 * TURNED[1]
    turns, each = [back, between, there, between, back, between, back], 6
    looks = [(CALM, turned(turn)) for turn in turns for _ in range(each)]
    survey, run = surveyed(landmarker, looks)
    middles = survey.shown(run)[EVERY * each // 2 :: EVERY * each]
    np.testing.assert_array_equal(middles, [1, 0, 0, 0, 1, 1, 1])


@every_cover
def test_a_mouth_that_is_covered_is_not_shown(landmarker: Landmarker, cover: str) -> None:
    """From the look before to the look after: nobody knows when the hand came or when it went."""
    looks = [(CALM, FRONT)] * 6 + [(covered(CALM, cover), FRONT)] + [(CALM, FRONT)] * 6
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


# Sharpness


def test_sharpness_is_less_in_a_blurred_picture_and_never_0() -> None:
    place = place_of(FRONT.box)
    sharp = grainy(CALM)
    flat = Frame(0, picture_of(np.full_like(CALM.i420(), 90), CALM))
    assert sharpness(sharp, place) > 2 * sharpness(blurred(sharp), place) > sharpness(flat, place)
    assert sharpness(flat, place) == 0.5


def test_teeth_and_a_moustache_are_no_sharpness() -> None:
    """Their edges are there in a blurred picture, too."""
    rgb = np.full((480, 640, 3), 150, np.uint8)
    rgb[300:325, 290:350:6] = 255
    rgb[280:285, 280:360:4] = 30
    assert sharpness(frame_of(rgb), place_of(FRONT.box)) == 0.5
