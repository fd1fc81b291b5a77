"""What is held before a face is told from what the face does, and one state from another."""

import numpy as np

from lipsyncd.render.survey import BY_MEDIAN, COVERED, Note, below, uncovered

# Covering


def looks_at(liveliness: float, last: float) -> list[Note]:
    """At a face that moves by so much of 255, and then by so much more than ever."""
    rng = np.random.default_rng(4)
    faces = rng.normal(0, liveliness / 3.2, (24, 30, 3))
    hidden = rng.choice([-last, last], (1, 30, 3)) / 3
    return [Note(at, 0.0, None, cells) for at, cells in enumerate(np.vstack([faces, hidden]))]


def test_what_covers_a_face_differs_by_more_than_the_face_ever_does() -> None:
    """What is a hand before a still face is a laugh of a lively one."""
    between = COVERED[0] + 3
    still, lively = (uncovered(looks_at(by, between)) for by in (2, between / BY_MEDIAN[1]))
    np.testing.assert_array_equal(still, [1] * 24 + [0])
    np.testing.assert_array_equal(lively, [1] * 25)


def test_a_lively_face_can_be_covered_too() -> None:
    np.testing.assert_array_equal(uncovered(looks_at(10, 40)), [1] * 24 + [0])


def test_a_still_face_is_not_covered_by_what_is_little() -> None:
    """However much it is by the rest."""
    assert uncovered(looks_at(0.5, COVERED[1] - 2)).all()


# Limits


def test_what_was_above_a_limit_is_so_until_it_is_below_another() -> None:
    """And what comes to be above it, as soon as it is above the other."""
    values = np.array([0.5, 0.9, 1.1, 0.6, 0.4, 0.9, 0.4, 2.0])
    np.testing.assert_array_equal(below(values, 1.0, 0.5), [1, 0, 0, 0, 1, 1, 1, 0])


def test_what_is_never_above_a_limit_is_below_it() -> None:
    np.testing.assert_array_equal(below(np.full(4, 0.9), 1.0, 0.5), np.ones(4))
    np.testing.assert_array_equal(below(np.full(4, 1.1), 1.0, 0.5), np.zeros(4))
