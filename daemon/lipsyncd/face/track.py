"""A track: where the face is in every frame of a video, found on some frames and steady on all.

Two steps, each a generator over frames.  `locate` looks at every k-th frame and interpolates
between, and looks at each frame where that would lie: at cuts, and where a face comes, goes or
jumps.  `steady` smooths the boxes with a centred window (no lag) that never reaches across a cut or
a gap, and fades the face in and out beside gaps.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np

from lipsyncd.face.box import Box, mean_box
from lipsyncd.media.frame import Frame

CUT = 24.0  # mean change of luma between frames, of 255: film does not move that much, cuts do
SAME_FACE = 0.3  # overlap of two boxes from which on they are taken for one face moving
REACH = 8  # frames on either side that smoothing looks at
SIGMA = 2.5  # frames: the Gaussian's width; 100 ms at 25 frames a second
FADE = 3  # frames over which a face fades beside a frame without one


@dataclass(frozen=True)
class Sighting:
    """A frame and the face in it.  `opens`: it begins a shot.  `strength`: 1 but beside gaps."""

    frame: Frame
    box: Box | None
    opens: bool = False
    strength: float = 1.0


def locate(
    frames: Iterable[Frame], find: Callable[[Frame], list[Box]], every: int
) -> Iterator[Sighting]:
    """Follow one face, the largest where it begins.  Frames of one index are looked at once."""
    finder = Finder(find)
    frames, last = iter(frames), None
    while group := list(islice(frames, 1 if last is None else every)):
        sightings = look(group, last, finder)
        yield from sightings
        last = sightings[-1]


class Finder:
    """Which box is the face in a frame: the one that moved least, else the largest."""

    def __init__(self, find: Callable[[Frame], list[Box]]) -> None:
        self._find = find
        self._known: dict[int, list[Box]] = {}

    def box(self, frame: Frame, previous: Box | None) -> Box | None:
        if frame.index not in self._known:
            self._known[frame.index] = self._find(frame)
        faces = self._known[frame.index]
        if previous is not None:
            moved = max(faces, key=previous.overlap, default=None)
            if moved is not None and previous.overlap(moved) > SAME_FACE:
                return moved
        return faces[0] if faces else None


def look(group: list[Frame], last: Sighting | None, finder: Finder) -> list[Sighting]:
    """The sightings of some frames in a row, given the one before them."""
    opens = cuts(group, last)
    if last is not None and not any(opens):
        end = finder.box(group[-1], last.box)
        if last.box is None and end is None:
            return [Sighting(frame, None) for frame in group]
        if last.box is not None and end is not None and last.box.overlap(end) > SAME_FACE:
            return between(group, last.box, end)
    return look_at_each(group, last, opens, finder)


def look_at_each(
    group: list[Frame], last: Sighting | None, opens: list[bool], finder: Finder
) -> list[Sighting]:
    sightings, previous = [], last.box if last else None
    for frame, opening in zip(group, opens, strict=True):
        box = finder.box(frame, None if opening else previous)
        jumped = box is not None and previous is not None and previous.overlap(box) <= SAME_FACE
        sightings.append(Sighting(frame, box, opening or jumped))
        previous = box
    return sightings


def between(group: list[Frame], start: Box, end: Box) -> list[Sighting]:
    """Sightings on a straight line: `start` just before the group, `end` at its last frame."""
    shares = np.arange(1, len(group) + 1) / len(group)
    boxes = (mean_box([start, end], np.array([1 - share, share])) for share in shares)
    return [Sighting(frame, box) for frame, box in zip(group, boxes, strict=True)]


def cuts(group: list[Frame], last: Sighting | None) -> list[bool]:
    """For each frame, whether the shot changes just before it."""
    frames = [last.frame if last else group[0], *group]
    thumbnails = (frame.thumbnail() for frame in frames)
    return [bool(np.abs(after - before).mean() > CUT) for before, after in pairwise(thumbnails)]


def steady(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """The same sightings with smooth boxes and strengths, REACH frames later."""
    coming = iter(sightings)
    held = deque(islice(coming, REACH + 1))
    place = 0
    while place < len(held):
        yield smoothed(held, place)
        held.extend(islice(coming, 1))
        if place < REACH:
            place += 1
        else:
            held.popleft()


def smoothed(held: deque[Sighting], place: int) -> Sighting:
    """The sighting at `place`, from as many neighbours on either side as both sides have."""
    sighting = held[place]
    if sighting.box is None:
        return sighting
    before, after = run_before(held, place), run_after(held, place)
    reach = min(before, after)
    offsets = np.arange(-reach, reach + 1)
    boxes = [held[place + offset].box for offset in offsets]
    box = mean_box(boxes, np.exp(-(offsets**2) / (2 * SIGMA**2)))
    return replace(sighting, box=box, strength=strength(held, place, before, after))


def run_before(held: deque[Sighting], place: int) -> int:
    """How many sightings before `place` show the same face in the same shot."""
    count, most = 0, min(place, REACH)
    while count < most and held[place - count - 1].box and not held[place - count].opens:
        count += 1
    return count


def run_after(held: deque[Sighting], place: int) -> int:
    count = 0
    most = min(len(held) - 1 - place, REACH)
    while count < most and held[place + count + 1].box and not held[place + count + 1].opens:
        count += 1
    return count


def strength(held: deque[Sighting], place: int, before: int, after: int) -> float:
    """Less than 1 near a frame without a face; cuts and the ends of the video do not count."""
    first, beyond = place - before, place + after + 1
    gone_before = first > 0 and held[first - 1].box is None and not held[first].opens
    gone_after = beyond < len(held) and held[beyond].box is None and not held[beyond].opens
    near = min([before + 1] * gone_before + [after + 1] * gone_after, default=FADE + 1)
    return min(1.0, near / (FADE + 1))
