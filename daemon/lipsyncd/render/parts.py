"""Parts: the pieces of some seconds that a result is made in, each by itself, by one process or
several."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, pairwise
from typing import BinaryIO, Protocol

PART_SECONDS = 10
REACH_SECONDS = 2  # so far from its place a part may begin, if a shot does


class Others(Protocol):
    """The processes beside this one that make parts of the same result."""

    def claimed(self, missing: Sequence[range]) -> Iterator[int]:
        """Those of the missing parts that this process is to make."""

    def made(self) -> Iterator[tuple[int, BinaryIO]]:
        """The parts that others have made since the last call: number and packets of each."""


class Alone:
    """No others: all parts are made here, in order."""

    def claimed(self, missing: Sequence[range]) -> Iterator[int]:
        """All of them."""
        return chain.from_iterable(missing)

    def made(self) -> Iterator[tuple[int, BinaryIO]]:
        """None."""
        return iter(())


def length(extend: str, spoken: int, shown: int) -> int:
    """How many frames the result has, by those of the voice and those of the source."""
    bounds = {"cut": min(spoken, shown), "silence": max(spoken, shown)}
    return bounds.get(extend, spoken)


def share_of(share: str | None, count: int) -> range:
    """Those of `count` parts that are in a share START-STOP/OF; without one all."""
    if share is None:
        return range(count)
    start, stop, of = map(int, re.split("[-/]", share))
    return range(start * count // of, min(stop, of) * count // of)


def stretches(flags: Iterable[bool]) -> list[range]:
    """Where flags are true: the places from and up to which they are."""
    bounds = [place for place, (a, b) in enumerate(pairwise([False, *flags, False])) if a != b]
    return [range(start, stop) for start, stop in zip(bounds[::2], bounds[1::2], strict=True)]


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
