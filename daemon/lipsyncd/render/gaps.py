"""Gaps: where in a source no new mouth is to be seen, why, and whether that is too much."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lipsyncd.errors import FaceAway
from lipsyncd.face.track import Track
from lipsyncd.protocol.moment import clock
from lipsyncd.protocol.options import Options

SEEN, AWAY, TURNED, COVERED = range(4)
REASONS = "", "There is no face", "The head is turned too far", "Something is before the mouth"
TOLD = 3  # gaps of each reason


class Gap(NamedTuple):
    """Frames of a source from `start` up to, not including, `stop`; why is one of REASONS."""

    start: int
    stop: int
    why: str

    @property
    def length(self) -> int:
        return self.stop - self.start


def gaps_of(frames: int, tracks: Iterable[tuple[Track, np.ndarray]]) -> tuple[Gap, ...]:
    """Those in so many frames, in their order; of tracks, each with (n,) bool: where its head is
    turned too far."""
    why = np.full(frames, AWAY)
    for track, turned in tracks:
        part = why[track.start : track.stop]
        shown = (track.strength > 0) | (part == SEEN)
        part[:] = np.where(shown, SEEN, np.where(turned, TURNED, COVERED))
    edges = np.flatnonzero(np.diff(why, prepend=-1, append=-1))
    gaps = (Gap(start, stop, REASONS[why[start]]) for start, stop in pairwise(edges.tolist()))
    return tuple(gap for gap in gaps if gap.why)


def notes_of(gaps: Sequence[Gap], rate: Fraction) -> tuple[str, ...]:
    """A sentence for each reason, at so many frames a second."""
    by_reason = {why: [gap for gap in gaps if gap.why == why] for why in REASONS}
    return tuple(
        f"{why} at {listed(found, rate)}: the picture is left as it is."
        for why, found in by_reason.items()
        if found
    )


def refuse_gaps(gaps: Sequence[Gap], frames: int, options: Options, rate: Fraction) -> None:
    """Raise FaceAway if there are more of them, or longer ones, than the client bears with."""
    coverage = 1 - sum(gap.length for gap in gaps) / frames
    if coverage < options.min_coverage:
        raise FaceAway(
            f"The mouth is to be seen in {100 * coverage:.0f} % of the frames, not in "
            f"{100 * options.min_coverage:.0f} %.",
            "Give a video that shows the face more, or a lower min-coverage.",
        )
    longest = max(joined(gaps), key=lambda gap: gap.length, default=None)
    if longest and options.max_gap is not None and longest.length / rate > options.max_gap:
        raise FaceAway(
            f"The mouth is not to be seen at {listed([longest], rate)}, which is longer than "
            f"{options.max_gap:g} s.",
            "Give a video that shows the face more, or a longer max-gap.",
        )


def joined(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps without a frame between them as one."""
    whole: list[Gap] = []
    for gap in gaps:
        if whole and whole[-1].stop == gap.start:
            whole[-1] = whole[-1]._replace(stop=gap.stop)
        else:
            whole.append(gap)
    return whole


def listed(gaps: Sequence[Gap], rate: Fraction) -> str:
    """The first of them by their times: 0:03.2-0:04.8, 0:10.0-0:11.4 and 2 more"""
    told = ", ".join(f"{clock(gap.start / rate)}-{clock(gap.stop / rate)}" for gap in gaps[:TOLD])
    more = len(gaps) - TOLD
    return f"{told} and {more} more" if more > 0 else told
