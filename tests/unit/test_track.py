"""A track follows one face, sparingly and without lag, and never mixes what a cut separates."""

import math
from collections.abc import Callable, Iterator
from itertools import chain, count, islice

import numpy as np
import pytest
from support.media.synthetic import frame_of

from lipsyncd.face.box import Box
from lipsyncd.face.track import FADE, REACH, Sighting, locate, steady
from lipsyncd.media.frame import Frame

PICTURES = {level: frame_of(np.full((32, 32, 3), level, np.uint8)).picture for level in (60, 180)}
HERE, THERE = Box(100, 80, 200, 200), Box(400, 90, 480, 190)


def frame(index: int, level: int = 60) -> Frame:
    return Frame(index, PICTURES[level])


def frames(number: int) -> list[Frame]:
    """One shot."""
    return [frame(index) for index in range(number)]


class Faces:
    """A detector that knows the faces of each frame and writes down where it looked."""

    def __init__(self, of: Callable[[int], list[Box]]) -> None:
        self._of = of
        self.looked: list[int] = []

    def __call__(self, frame: Frame) -> list[Box]:
        self.looked.append(frame.index)
        return sorted(self._of(frame.index), key=lambda box: -box.area)


def moved(box: Box, x: float, y: float) -> Box:
    return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)


def corners(sightings: list[Sighting]) -> np.ndarray:
    return np.array([sighting.box.array() for sighting in sightings])


def present(sightings: list[Sighting]) -> list[bool]:
    return [sighting.box is not None for sighting in sightings]


def between(first: int, last: int, box: Box = HERE) -> Callable[[int], list[Box]]:
    """A face in the frames from `first` to before `last`."""
    return lambda index: [box] if first <= index < last else []


# Looking


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("number", [0, 1, 2, 5, 6, 7, 40])
def test_every_frame_comes_out_once_and_in_order(number: int, every: int) -> None:
    shot = frames(number)
    found = list(steady(locate(shot, Faces(between(0, 100)), every)))
    assert [sighting.frame for sighting in found] == shot
    assert all(present(found))


@pytest.mark.parametrize("every", [1, 3, 5])
def test_a_quiet_shot_is_looked_at_every_so_many_frames(every: int) -> None:
    faces = Faces(lambda index: [moved(HERE, index, 0)])
    list(locate(frames(61), faces, every))
    assert faces.looked == [0, *range(every, 61, every)]


def test_a_shot_without_a_face_is_looked_at_as_sparingly() -> None:
    faces = Faces(between(0, 0))
    found = list(locate(frames(61), faces, 5))
    assert not any(present(found))
    assert len(faces.looked) == 13


def test_the_last_frame_is_looked_at() -> None:
    """So that nothing has to be guessed beyond the last look."""
    faces = Faces(between(0, 100))
    list(locate(frames(13), faces, 5))
    assert faces.looked[-1] == 12


def test_a_still_is_looked_at_once() -> None:
    faces = Faces(between(0, 1))
    found = list(locate([frame(0)] * 50, faces, 5))
    assert faces.looked == [0]
    assert all(present(found))


def test_going_back_and_forth_looks_at_no_frame_twice() -> None:
    faces = Faces(lambda index: [moved(HERE, 2 * index, 0)])
    order = [*range(10), *range(8, 0, -1)] * 5
    list(locate([frame(index) for index in order], faces, 4))
    assert len(faces.looked) == len(set(faces.looked))


def test_looking_waits_for_few_frames_only() -> None:
    """The frames are endless; only so many are taken as are needed."""
    taken = count()
    endless = (frame(index) for index in taken)
    list(islice(steady(locate(endless, Faces(lambda index: [HERE]), 5)), 10))
    assert next(taken) <= 10 + REACH + 2 * 5


# Following


@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_face_that_moves_evenly_is_followed_without_lag(every: int, smooth: bool) -> None:
    def face(index: int) -> Box:
        return Box(100 + 3.5 * index, 80 - 1.2 * index, 200 + 4 * index, 200 - 0.7 * index)

    located = locate(frames(46), Faces(lambda index: [face(index)]), every)
    found = list(steady(located) if smooth else located)
    expected = [face(index).array() for index in range(46)]
    np.testing.assert_allclose(corners(found), expected, atol=1e-9)


@pytest.mark.parametrize("first", range(5, 12))
def test_a_face_that_comes_between_two_looks_is_found_from_its_first_frame(first: int) -> None:
    found = list(locate(frames(31), Faces(between(first, 31)), 5))
    assert present(found) == [index >= first for index in range(31)]


@pytest.mark.parametrize("last", range(6, 13))
def test_a_face_that_goes_between_two_looks_is_kept_to_its_last_frame(last: int) -> None:
    found = list(locate(frames(31), Faces(between(0, last)), 5))
    assert present(found) == [index < last for index in range(31)]


@pytest.mark.parametrize("jump", range(6, 12))
def test_a_face_that_jumps_is_never_seen_halfway(jump: int) -> None:
    faces = Faces(lambda index: [HERE if index < jump else THERE])
    found = list(steady(locate(frames(31), faces, 5)))
    expected = [HERE.array()] * jump + [THERE.array()] * (31 - jump)
    np.testing.assert_allclose(corners(found), expected)
    assert [sighting.frame.index for sighting in found if sighting.opens] == [jump]


@pytest.mark.parametrize("cut", range(6, 12))
def test_a_cut_is_seen_at_its_frame(cut: int) -> None:
    """The picture changes and the face is elsewhere; also if it overlaps the one before."""
    for other in (THERE, moved(HERE, 20, 10)):
        shots = [frame(index, 60 if index < cut else 180) for index in range(31)]
        faces = Faces(lambda index, other=other: [HERE if index < cut else other])
        found = list(steady(locate(shots, faces, 5)))
        expected = [HERE.array()] * cut + [other.array()] * (31 - cut)
        np.testing.assert_allclose(corners(found), expected)
        assert [sighting.frame.index for sighting in found if sighting.opens] == [cut]
        assert {sighting.strength for sighting in found} == {1.0}


def test_the_largest_face_is_followed_and_stays_so_when_a_larger_one_comes() -> None:
    larger = Box(300, 0, 600, 300)
    faces = Faces(lambda index: [HERE, Box(0, 0, 30, 30)] + [larger] * (index > 5))
    found = list(locate(frames(21), faces, 5))
    np.testing.assert_allclose(corners(found), [HERE.array()] * 21)


def test_when_the_followed_face_goes_another_is_taken_up_at_once() -> None:
    faces = Faces(lambda index: ([HERE] if index < 8 else []) + [THERE])
    found = list(steady(locate(frames(21), faces, 5)))
    np.testing.assert_allclose(corners(found), [HERE.array()] * 8 + [THERE.array()] * 13)


# Smoothing


def sightings(runs: list[tuple[int, Box | None]], opens: set[int] = frozenset()) -> list[Sighting]:
    boxes = chain.from_iterable([box] * number for number, box in runs)
    return [Sighting(frame(i), box, i in opens) for i, box in enumerate(boxes)]


def test_a_trembling_box_becomes_calm() -> None:
    tremble = np.random.default_rng(6).normal(0, 2, (200, 2))
    boxes = [moved(HERE, *offset) for offset in tremble.tolist()]
    found = list(steady(Sighting(frame(i), box) for i, box in enumerate(boxes)))
    assert corners(found)[REACH:-REACH].std(axis=0).max() < 1.0
    assert corners(found).mean(axis=0) == pytest.approx(HERE.array(), abs=0.5)


def test_the_smoothed_box_is_the_middle_of_a_symmetric_window() -> None:
    """One displaced box is felt alike before and after, and no further than the reach."""
    boxes = [HERE] * 41
    boxes[20] = moved(HERE, 50, 0)
    found = corners(list(steady(Sighting(frame(i), box) for i, box in enumerate(boxes))))[:, 0]
    felt = found - HERE.left
    np.testing.assert_allclose(felt[20 - REACH : 21], felt[20 : 21 + REACH][::-1], atol=1e-9)
    assert np.argmax(felt) == 20
    assert felt[20 - REACH] > 0.01
    assert felt.sum() == pytest.approx(50, rel=0.01)
    assert np.abs(felt[: 20 - REACH]).max() < 1e-9
    assert np.abs(felt[21 + REACH :]).max() < 1e-9


@pytest.mark.parametrize("length", [1, 2, 5, 9, 20])
def test_smoothing_never_reaches_across_a_cut_or_a_gap(length: int) -> None:
    given = sightings([(length, HERE), (length, THERE), (2, None), (length, HERE)], opens={length})
    for before, after in zip(given, steady(given), strict=True):
        assert (before.box is None) == (after.box is None)
        if before.box:
            np.testing.assert_allclose(after.box.array(), before.box.array())


def test_a_face_fades_beside_a_gap() -> None:
    fading = [step / (FADE + 1) for step in range(FADE, 0, -1)]
    found = list(steady(sightings([(20, HERE), (3, None), (20, HERE)])))
    expected = [1.0] * (20 - FADE) + fading + [1.0] * 3 + fading[::-1] + [1.0] * (20 - FADE)
    assert [sighting.strength for sighting in found] == pytest.approx(expected)


def test_a_short_sight_between_two_gaps_fades_on_both_sides() -> None:
    found = list(steady(sightings([(5, None), (3, HERE), (5, None)])))
    step = 1 / (FADE + 1)
    assert [sighting.strength for sighting in found[5:8]] == pytest.approx([step, 2 * step, step])


def test_a_face_does_not_fade_at_the_ends_of_the_video_or_at_cuts() -> None:
    given = sightings([(6, HERE), (6, THERE), (4, HERE)], opens={6, 12})
    assert {sighting.strength for sighting in steady(given)} == {1.0}


def test_a_face_does_not_fade_where_a_cut_ends_or_begins_the_gap() -> None:
    """The shots without a face are others; a fade there would show the old mouth for no reason."""
    given = sightings([(6, HERE), (5, None), (6, HERE)], opens={6, 11})
    assert {sighting.strength for sighting in steady(given)} == {1.0}


def test_steady_is_streaming() -> None:
    taken = count()
    endless: Iterator[Sighting] = (Sighting(frame(index), HERE) for index in taken)
    list(islice(steady(endless), 5))
    assert next(taken) <= 5 + REACH + 1


def test_detection_every_so_many_frames_costs_so_many_looks() -> None:
    for number in (1, 2, 10, 26, 27):
        for every in (1, 4, 5):
            faces = Faces(between(0, 100))
            list(locate(frames(number), faces, every))
            assert len(faces.looked) == 1 + math.ceil((number - 1) / every)
