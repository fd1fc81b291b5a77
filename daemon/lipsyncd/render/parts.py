"""Parts: the pieces of some seconds that a result is made in, each by itself."""

from collections.abc import Callable, Collection
from fractions import Fraction
from itertools import pairwise

PART_SECONDS = 10
REACH_SECONDS = 2  # so far from its place a part may begin, if a shot does


def parts_of(
    total: int, rate: Fraction, cuts: Collection[int], shown: Callable[[int], int]
) -> list[range]:
    """The frames of each part of a result of `total` frames, of about one length.

    `shown` says which frame of the source a frame of the result shows, `cuts` before which of them
    the shot changes: there a part begins rather than near it.
    """
    count = max(1, round(total / rate / PART_SECONDS))
    places = (round(Fraction(number * total, count)) for number in range(1, count))
    begins = (nearest_cut(place, rate, cuts, shown) for place in places)
    return [range(start, stop) for start, stop in pairwise([0, *begins, total])]


def nearest_cut(
    place: int, rate: Fraction, cuts: Collection[int], shown: Callable[[int], int]
) -> int:
    """The frame of the result near a place at which the shot changes; else the place itself."""
    reach = int(REACH_SECONDS * rate)
    near = (frame for step in range(1, reach) for frame in (place - step, place + step))
    return next((frame for frame in (place, *near) if is_cut(frame, cuts, shown)), place)


def is_cut(frame: int, cuts: Collection[int], shown: Callable[[int], int]) -> bool:
    """Whether another shot is seen than in the frame before, in either direction of time."""
    before, here = shown(frame - 1), shown(frame)
    return here - before in (1, -1) and max(before, here) in cuts
