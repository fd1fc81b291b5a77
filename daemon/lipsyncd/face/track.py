"""Tracks: which faces a video shows, and where each is in every frame of its shot.

A tracker is shown the frames in their order and looks for faces on every k-th of them.  Between
those they lie on straight lines; where no straight line can be (at cuts, and where a face comes,
goes or jumps) it looks at each frame.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.media.frame import Frame

# Mean change of luma between frames, of 255: film does not move that much, cuts do. Measured: from
# one talker to another in the same studio it is 23, while a head nods 4.
CUT = 16.0
SAME_FACE = 0.3  # overlap of two boxes from which on they are taken for one face moving
MOST_FACES = 16  # that are followed at once, the largest
REACH = 8  # frames on either side that smoothing looks at
SIGMA = 2.5  # frames: the Gaussian's width; 100 ms at 25 frames a second


@dataclass(frozen=True)
class Track:
    """One face from frame `start` on, a row a frame.

    `rows`: (n, 14) as Face.of takes them.  `strength`: (n,) 0 to 1, how far a new mouth is to be
    seen.  `neutral`: the frame in which the mouth is most at rest.  `voice`: the number of the one
    that its lips follow.  `teeth`: the frame that shows them best, if that is another.
    """

    start: int
    rows: np.ndarray
    strength: np.ndarray
    neutral: int
    voice: int = 0
    teeth: int | None = None

    @property
    def stop(self) -> int:
        """The frame after the last."""
        return self.start + len(self.rows)

    def face(self, index: int) -> Face:
        """The face in a frame of the source."""
        return Face.of(self.rows[index - self.start])


@dataclass(frozen=True)
class Seen:
    """A track's face in one frame."""

    track: Track
    face: Face
    strength: float = 1.0


@dataclass(eq=False)
class Run:
    """A track that grows.  `opens` and `closes`: there a cut is its end, and no face has gone."""

    start: int
    opens: bool
    closes: bool = False
    chunks: list[np.ndarray] = field(default_factory=list)
    count: int = 0

    @property
    def stop(self) -> int:
        return self.start + self.count

    @property
    def last(self) -> np.ndarray:
        return self.chunks[-1][-1]

    def grow(self, rows: np.ndarray) -> None:
        self.chunks.append(rows)
        self.count += len(rows)

    def face(self, index: int) -> Face:
        """The face in a frame."""
        return Face.of(self.rows()[index - self.start])

    def rows(self) -> np.ndarray:
        """(n, 14) float64."""
        if len(self.chunks) > 1:
            self.chunks = [np.concatenate(self.chunks)]
        return self.chunks[0]


Find = Callable[[Frame], list[Face]]
Look = Callable[[Run, Frame, Face], None]  # told of each face that was found, and whose it is


class Tracker:
    """Follows all faces of a video."""

    def __init__(self, find: Find, look: Look, every: int) -> None:
        self._find = find
        self._look = look
        self._every = every
        self._current: list[Run] = []
        self._last: Frame | None = None
        self.runs: list[Run] = []
        self.cuts: list[int] = []  # the frames with which another shot begins
        self.frames = 0  # that were shown

    def follow(self, frames: Iterable[Frame]) -> Iterator[int]:
        """Follow to the end; each yield is how many frames were shown."""
        frames = iter(frames)
        while group := list(islice(frames, 1 if self._last is None else self._every)):
            self._show(group)
            self._last = group[-1]
            self.frames += len(group)
            yield self.frames

    def _show(self, group: list[Frame]) -> None:
        opens, found = cuts(group, self._last), None
        if self._last is not None and not any(opens):
            found = self._find(group[-1])[:MOST_FACES]
            pairs = pairs_of(self._current, found)
            if len(pairs) == len(self._current) == len(found):
                for run, face in pairs:
                    run.grow(between(run.last, face.row(), len(group)))
                    self._look(run, group[-1], face)
                return
        for frame, opening in zip(group, opens, strict=True):
            known = found if frame is group[-1] else None
            self._show_one(frame, opening, known)

    def _show_one(self, frame: Frame, opening: bool, found: list[Face] | None) -> None:
        found = self._find(frame)[:MOST_FACES] if found is None else found
        if opening:
            self.cuts.append(frame.index)
            for run in self._current:
                run.closes = True
            self._current = []
        pairs = pairs_of(self._current, found)
        moved = [face for _, face in pairs]
        new = [(Run(frame.index, opening), face) for face in found if face not in moved]
        self.runs += [run for run, _ in new]
        self._current = []
        for run, face in pairs + new:
            run.grow(face.row()[None])
            self._look(run, frame, face)
            self._current.append(run)


def pairs_of(runs: list[Run], found: list[Face]) -> list[tuple[Run, Face]]:
    """Whose each face is: those that overlap most first, nobody's that overlaps with none."""
    pairs, free, left = [], list(runs), list(found)
    boxes = {id(run): Face.of(run.last).box for run in runs}
    while free and left:
        overlap, run, face = max(
            ((boxes[id(run)].overlap(face.box), run, face) for run in free for face in left),
            key=lambda each: each[0],
        )
        if overlap <= SAME_FACE:
            break
        pairs.append((run, face))
        free.remove(run)
        left.remove(face)
    return pairs


def between(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """Rows on a straight line: `start` just before the first, `end` the last."""
    shares = (np.arange(1, count + 1) / count)[:, None]
    return start + shares * (end - start)


def cuts(group: list[Frame], last: Frame | None) -> list[bool]:
    """For each frame, whether the shot changes just before it."""
    thumbnails = (frame.thumbnail() for frame in [last or group[0], *group])
    return [bool(np.abs(after - before).mean() > CUT) for before, after in pairwise(thumbnails)]


def steady(rows: np.ndarray) -> np.ndarray:
    """Rows of one track, (n, m), smoothed without lag: each is a mean of as many neighbours on
    either side as both sides have."""
    smooth = np.empty_like(rows)
    for place in range(len(rows)):
        reach = min(REACH, place, len(rows) - 1 - place)
        offsets = np.arange(-reach, reach + 1)
        weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
        smooth[place] = weights @ rows[place - reach : place + reach + 1] / weights.sum()
    return smooth
