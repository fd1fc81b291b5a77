"""Whose lips move is chosen once for as long as the face is there, and never two at a time."""

from fractions import Fraction

import numpy as np
import pytest

from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.track import Run
from lipsyncd.render.choice import chosen

RATE = Fraction(25)
LEFT, RIGHT = Box(10.0, 50.0, 60.0, 110.0), Box(200.0, 40.0, 280.0, 140.0)
MIDDLE = Box(100.0, 45.0, 160.0, 120.0)


def run_of(box: Box, start: int, stop: int) -> Run:
    """A face that stays where it is."""
    run = Run(start, False)
    run.grow(np.tile(Face(box).row(), (stop - start, 1)))
    return run


def spans(runs: list[Run], who: str = "largest", rate: Fraction = RATE) -> list[tuple]:
    """The place of each chosen run in the list, and its first frame and the one behind its last."""
    places = {id(run): place for place, run in enumerate(runs)}
    return [(places[id(span.run)], span.first, span.stop) for span in chosen(runs, who, rate)]


def test_where_nobody_is_nobody_is_chosen() -> None:
    for who in ("largest", "left", "2", "all", "10,10@1"):
        assert spans([], who) == []


# By a picture


def test_who_is_most_like_the_picture_is_chosen_if_alike_enough() -> None:
    runs = [run_of(LEFT, 0, 20), run_of(RIGHT, 0, 20), run_of(MIDDLE, 20, 40)]
    alike = dict(zip(map(id, runs), (0.5, 0.9, 0.2), strict=True))
    found = chosen(runs, "pictured", RATE, lambda run: alike[id(run)])
    assert [(span.run, span.first, span.stop) for span in found] == [(runs[1], 0, 20)]


# One at a time


@pytest.mark.parametrize(("who", "place"), [("largest", 2), ("left", 0), ("right", 2)])
def test_the_face_that_is_named_is_chosen(who: str, place: int) -> None:
    runs = [run_of(LEFT, 0, 20), run_of(MIDDLE, 0, 20), run_of(RIGHT, 0, 20)]
    assert spans(runs, who) == [(place, 0, 20)]


@pytest.mark.parametrize(("who", "place"), [("1", 1), ("2", 0), ("3", 2)])
def test_faces_are_counted_from_the_left(who: str, place: int) -> None:
    runs = [run_of(MIDDLE, 0, 20), run_of(LEFT, 0, 20), run_of(RIGHT, 0, 20)]
    assert spans(runs, who) == [(place, 0, 20)]


def test_a_chosen_face_stays_so_when_a_larger_one_comes() -> None:
    assert spans([run_of(LEFT, 0, 20), run_of(RIGHT, 5, 20)]) == [(0, 0, 20)]


def test_when_the_chosen_face_goes_another_is_taken_up_at_once() -> None:
    runs = [run_of(RIGHT, 0, 8), run_of(LEFT, 0, 15), run_of(MIDDLE, 3, 20)]
    assert spans(runs) == [(0, 0, 8), (2, 8, 20)]


def test_after_a_gap_the_next_face_is_taken_up_where_it_comes() -> None:
    assert spans([run_of(LEFT, 3, 8), run_of(RIGHT, 12, 20)]) == [(0, 3, 8), (1, 12, 20)]


def test_no_two_faces_are_chosen_at_once() -> None:
    random = np.random.default_rng(5)
    for _ in range(30):
        starts = random.integers(0, 80, 12).tolist()
        boxes = [Box(x, 0.0, x + s, s) for x, s in random.uniform(10, 90, (12, 2)).tolist()]
        ends = (start + int(random.integers(1, 30)) for start in starts)
        runs = [run_of(*each) for each in zip(boxes, starts, ends, strict=True)]
        for who in ("largest", "left", "right", "1"):
            found = spans(runs, who)
            shown = [index for _, first, stop in found for index in range(first, stop)]
            there = {index for run in runs for index in range(run.start, run.stop)}
            assert sorted(shown) == sorted(there), "each frame with a face has one that is chosen"


def test_where_there_are_too_few_faces_none_is_chosen() -> None:
    assert spans([run_of(LEFT, 0, 20), run_of(RIGHT, 0, 20)], "3") == []


def test_a_place_in_the_row_is_given_when_enough_faces_are_there() -> None:
    runs = [run_of(LEFT, 0, 20), run_of(RIGHT, 6, 12), run_of(MIDDLE, 15, 20)]
    assert spans(runs, "2") == [(1, 6, 12), (2, 15, 20)]


# All


def test_all_are_all_in_the_order_in_which_they_come() -> None:
    runs = [run_of(LEFT, 4, 20), run_of(RIGHT, 0, 8), run_of(MIDDLE, 15, 30)]
    assert spans(runs, "all") == [(1, 0, 8), (0, 4, 20), (2, 15, 30)]


# At a place


def test_a_face_is_named_by_a_place_in_it() -> None:
    runs = [run_of(LEFT, 0, 20), run_of(RIGHT, 0, 20)]
    assert spans(runs, "210,60") == [(1, 0, 20)]
    assert spans(runs, "10,50") == [(0, 0, 20)]
    assert spans(runs, "150,60") == []


@pytest.mark.parametrize(
    ("seconds", "found"),
    [("0", []), ("0.4", [(0, 10, 20)]), ("0.79", [(0, 10, 20)]), ("0.8", [(1, 20, 40)]), ("9", [])],
)
def test_it_is_the_face_that_is_there_at_that_time(seconds: str, found: list[tuple]) -> None:
    """In all of its shot, and in no other."""
    runs = [run_of(LEFT, 10, 20), run_of(LEFT, 20, 40)]
    assert spans(runs, f"20,60@{seconds}") == found


def test_a_time_is_one_of_the_source() -> None:
    runs = [run_of(LEFT, 0, 10), run_of(LEFT, 10, 40)]
    assert spans(runs, "20,60@0.3", Fraction(30)) == [(0, 0, 10)]
    assert spans(runs, "20,60@0.334", Fraction(30)) == [(1, 10, 40)]


def test_of_faces_one_before_the_other_the_smaller_one_is_meant() -> None:
    runs = [run_of(Box(0.0, 0.0, 300.0, 300.0), 0, 20), run_of(RIGHT, 0, 20)]
    assert spans(runs, "210,60") == [(1, 0, 20)]
