"""Tracks follow all faces, sparingly and without lag, and never mix what a cut separates."""

from collections.abc import Callable
from itertools import count, islice

import numpy as np
import pytest
from support.media.synthetic import frame_of

from lipsyncd.face.box import Box
from lipsyncd.face.face import FIELDS, Face
from lipsyncd.face.track import MOST_FACES, Run, Track, Tracker, between, steady
from lipsyncd.media.frame import Frame

LEVELS = 60, 84, 180
PICTURES = {level: frame_of(np.full((32, 32, 3), level, np.uint8)).picture for level in LEVELS}
HERE, THERE = Box(100.0, 80.0, 200.0, 200.0), Box(400.0, 90.0, 480.0, 190.0)


def frame(index: int, level: int = 60) -> Frame:
    return Frame(index, PICTURES[level])


def frames(number: int, cut: int | None = None) -> list[Frame]:
    """One shot, or two."""
    after = number if cut is None else cut
    return [frame(index, 60 if index < after else 180) for index in range(number)]


def marked(box: Box) -> Face:
    """A face whose landmarks are where its box is."""
    return Face(box, tuple(np.tile([box.left, box.bottom], 5).tolist()))


class Faces:
    """A detector that knows the faces of each frame, and what a tracker was told of them."""

    def __init__(self, of: Callable[[int], list[Box]]) -> None:
        self._of = of
        self.looked: list[int] = []
        self.told: list[tuple[Run, int, Face]] = []

    def find(self, frame: Frame) -> list[Face]:
        self.looked.append(frame.index)
        return [marked(box) for box in sorted(self._of(frame.index), key=lambda box: -box.area)]

    def look(self, run: Run, frame: Frame, face: Face) -> None:
        self.told.append((run, frame.index, face))

    def runs(self, shot: list[Frame], every: int = 5) -> list[Run]:
        """What a tracker makes of them."""
        tracker = Tracker(self.find, self.look, every)
        *_, shown = tracker.follow(shot)
        assert shown == tracker.frames == len(shot)
        return tracker.runs


def moved(box: Box, x: float, y: float) -> Box:
    return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)


def spans(runs: list[Run]) -> list[tuple[int, int]]:
    assert all(len(run.rows()) == run.stop - run.start for run in runs)
    return [(run.start, run.stop) for run in runs]


def standing(box: Box, number: int) -> np.ndarray:
    """The rows of a face that stays where it is."""
    return np.tile(marked(box).row(), (number, 1))


def present(first: int, last: int, box: Box = HERE) -> Callable[[int], list[Box]]:
    """A face in the frames from `first` to before `last`."""
    return lambda index: [box] if first <= index < last else []


# Looking


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("number", [1, 2, 5, 6, 7, 40])
def test_a_face_that_stays_is_one_run_over_all_frames(number: int, every: int) -> None:
    (run,) = Faces(present(0, 100)).runs(frames(number), every)
    np.testing.assert_allclose(run.rows(), standing(HERE, number))


def test_no_frames_are_no_runs() -> None:
    faces = Faces(present(0, 100))
    tracker = Tracker(faces.find, faces.look, 5)
    assert list(tracker.follow([])) == []
    assert (tracker.runs, tracker.frames) == ([], 0)


@pytest.mark.parametrize("every", [1, 3, 5])
def test_a_quiet_shot_is_looked_at_every_so_many_frames(every: int) -> None:
    faces = Faces(lambda index: [moved(HERE, index, 0)])
    faces.runs(frames(61), every)
    assert faces.looked == [0, *range(every, 61, every)]


def test_a_shot_without_a_face_is_looked_at_as_sparingly() -> None:
    faces = Faces(present(0, 0))
    assert faces.runs(frames(61)) == []
    assert len(faces.looked) == 13


@pytest.mark.parametrize("number", [1, 2, 10, 13, 26, 27])
@pytest.mark.parametrize("every", [1, 4, 5])
def test_the_last_frame_is_looked_at(number: int, every: int) -> None:
    """So that nothing has to be guessed beyond the last look."""
    faces = Faces(present(0, 100))
    faces.runs(frames(number), every)
    assert faces.looked[-1] == number - 1
    assert len(faces.looked) == 1 + -(-(number - 1) // every)


@pytest.mark.parametrize("cut", [None, 6, 8, 10])
@pytest.mark.parametrize("first", [0, 4, 9])
def test_no_frame_is_looked_at_twice(cut: int | None, first: int) -> None:
    faces = Faces(present(first, 12))
    faces.runs(frames(21, cut))
    assert len(faces.looked) == len(set(faces.looked))


def test_following_takes_only_as_many_frames_as_it_looks_through() -> None:
    taken, faces = count(), Faces(present(0, 100))
    endless = (frame(index) for index in taken)
    shown = list(islice(Tracker(faces.find, faces.look, 5).follow(endless), 3))
    assert shown == [1, 6, 11]
    assert next(taken) == 11


def test_each_face_that_was_found_is_told_of_with_its_run() -> None:
    faces = Faces(lambda index: [HERE] + [THERE] * (7 <= index < 11))
    here, there = faces.runs(frames(13))
    told = [[each[1:] for each in faces.told if each[0] is run] for run in (here, there)]
    assert told[0] == [(index, marked(HERE)) for index in (0, 5, 6, 7, 8, 9, 10, 11, 12)]
    assert told[1] == [(index, marked(THERE)) for index in (7, 8, 9, 10)]


# Following


@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("smooth", [False, True])
def test_a_face_that_moves_evenly_is_followed_without_lag(every: int, smooth: bool) -> None:
    def face(index: int) -> Box:
        return Box(100 + 3.5 * index, 80 - 1.2 * index, 200 + 4 * index, 200 - 0.7 * index)

    (run,) = Faces(lambda index: [face(index)]).runs(frames(46), every)
    rows = steady(run.rows()) if smooth else run.rows()
    expected = [marked(face(index)).row() for index in range(46)]
    np.testing.assert_allclose(rows, expected, atol=1e-9)


@pytest.mark.parametrize("first", range(5, 12))
def test_a_face_that_comes_between_two_looks_is_found_from_its_first_frame(first: int) -> None:
    assert spans(Faces(present(first, 31)).runs(frames(31))) == [(first, 31)]


@pytest.mark.parametrize("last", range(6, 13))
def test_a_face_that_goes_between_two_looks_is_kept_to_its_last_frame(last: int) -> None:
    assert spans(Faces(present(0, last)).runs(frames(31))) == [(0, last)]


@pytest.mark.parametrize("jump", range(6, 12))
def test_a_face_that_jumps_is_never_seen_halfway(jump: int) -> None:
    before, after = Faces(lambda index: [HERE if index < jump else THERE]).runs(frames(31))
    np.testing.assert_allclose(before.rows(), standing(HERE, jump))
    np.testing.assert_allclose(after.rows(), standing(THERE, 31 - jump))
    assert (before.closes, after.opens) == (False, False), "the shot is the same"


@pytest.mark.parametrize("cut", range(6, 12))
@pytest.mark.parametrize("other", [HERE, moved(HERE, 20, 10), THERE])
def test_a_cut_is_seen_at_its_frame(cut: int, other: Box) -> None:
    """Wherever the face of the other shot is."""
    faces = Faces(lambda index: [HERE if index < cut else other])
    before, after = faces.runs(frames(31, cut))
    np.testing.assert_allclose(before.rows(), standing(HERE, cut))
    np.testing.assert_allclose(after.rows(), standing(other, 31 - cut))
    assert (before.opens, before.closes) == (False, True)
    assert (after.opens, after.closes) == (True, False)


def test_a_cut_between_pictures_of_nearly_the_same_light_is_seen() -> None:
    """Two talkers in the same studio."""
    shown = [frame(index, 60 if index < 7 else 84) for index in range(20)]
    before, after = Faces(lambda _: [HERE]).runs(shown)
    assert (before.closes, after.opens) == (True, True)


@pytest.mark.parametrize(("first", "opens"), [(7, True), (8, False)])
def test_a_run_opens_only_where_its_shot_does(first: int, opens: bool) -> None:
    (run,) = Faces(present(first, 31)).runs(frames(31, cut=7))
    assert (run.start, run.opens, run.closes) == (first, opens, False)


@pytest.mark.parametrize(("last", "closes"), [(7, True), (6, False)])
def test_a_run_closes_only_where_its_shot_does(last: int, closes: bool) -> None:
    (run,) = Faces(present(0, last)).runs(frames(31, cut=7))
    assert (run.stop, run.opens, run.closes) == (last, False, closes)


@pytest.mark.parametrize(("x", "count"), [(50, 1), (56, 2)])
def test_a_face_may_move_by_half_of_its_width_between_two_looks(x: float, count: int) -> None:
    """Boxes that overlap less are two faces, one of which went as the other came."""
    faces = Faces(lambda index: [HERE if index < 8 else moved(HERE, x, 0)])
    assert len(faces.runs(frames(21))) == count


def test_a_face_that_comes_again_is_another_run() -> None:
    faces = Faces(lambda index: [HERE] * (index < 8 or index >= 12))
    assert spans(faces.runs(frames(21))) == [(0, 8), (12, 21)]


def test_each_of_several_faces_is_a_run() -> None:
    faces = Faces(lambda index: [HERE, THERE] + [Box(0, 0, 30, 30)] * (8 <= index < 11))
    here, there, small = faces.runs(frames(21))
    np.testing.assert_allclose(here.rows(), standing(HERE, 21))
    np.testing.assert_allclose(there.rows(), standing(THERE, 21))
    assert spans([small]) == [(8, 11)]


@pytest.mark.parametrize(("x", "y"), [(0, 2), (2, 0), (2, -3)])
def test_each_of_several_faces_that_move_is_followed(x: int, y: int) -> None:
    """Whichever of them moves more."""
    faces = Faces(lambda index: [moved(HERE, x * index, 0), moved(THERE, y * index, 0)])
    here, there = faces.runs(frames(21))
    np.testing.assert_allclose(here.rows()[:, 0], HERE.left + x * np.arange(21))
    np.testing.assert_allclose(there.rows()[:, 0], THERE.left + y * np.arange(21))


def test_faces_that_overlap_are_told_apart_by_how_far_they_moved() -> None:
    near = moved(HERE, 40, 0)
    faces = Faces(lambda index: [moved(HERE, 2 * index, 0), moved(near, 2 * index, 0)])
    one, other = sorted(faces.runs(frames(21)), key=lambda run: run.last[0])
    np.testing.assert_allclose(one.rows()[:, 0], HERE.left + 2 * np.arange(21))
    np.testing.assert_allclose(other.rows()[:, 0], near.left + 2 * np.arange(21))


def test_the_smallest_of_too_many_faces_are_left() -> None:
    crowd = [Box(50 * i, 0, 50 * i + 20 + i, 40) for i in range(MOST_FACES + 4)]
    runs = Faces(lambda index: crowd).runs(frames(13))
    assert {run.rows()[0, 0] for run in runs} == {box.left for box in crowd[4:]}


def test_a_run_knows_its_face_in_each_frame() -> None:
    (run,) = Faces(lambda index: [Box(0.0, 0.0, 100.0 + index, 100.0)]).runs(frames(13))
    assert run.face(7).box.right == pytest.approx(107)
    assert run.last[2] == pytest.approx(112)


# Tracks


def test_a_track_knows_its_face_in_each_frame_of_the_source() -> None:
    rows = np.array([marked(moved(HERE, step, 0)).row() for step in range(4)])
    track = Track(10, rows, np.ones(4), 12)
    assert track.stop == 14
    assert track.face(12) == marked(moved(HERE, 2, 0))


def test_rows_between_two_lie_on_a_straight_line_and_end_at_the_second() -> None:
    found = between(np.zeros(FIELDS), np.full(FIELDS, 8.0), 4)
    np.testing.assert_allclose(found, np.tile([[2], [4], [6], [8]], FIELDS))
