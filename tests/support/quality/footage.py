"""Footage: the frames of a video, with the face and the lips in each, as all measures want them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.face.lips import Lips
from lipsyncd.face.neutral import as_bgr
from lipsyncd.face.track import steady
from lipsyncd.face.warp import crop_of, place_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame
from lipsyncd.media.mel import TRAINED_RATE
from lipsyncd.media.source import examine_source
from lipsyncd.media.timeline import timeline
from lipsyncd.render.models import Finder, Models

NEAR = 4  # frames beside one without a face, in which a mouth may fade


@dataclass(frozen=True)
class Footage:
    """`faces` and `lips` of each frame are made up where `shown`, (n,) bool, says that nobody is
    seen."""

    frames: list[Frame]
    rate: Fraction
    colour: Colour
    faces: list[Face]
    lips: list[Lips]
    shown: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def is_still(self) -> bool:
        return all(frame.index == 0 for frame in self.frames)

    @property
    def once(self) -> int:
        """How many frames there are before any of them comes again."""
        comes_anew = (frame.index != at for at, frame in enumerate(self.frames))
        return next((at for at, anew in enumerate(comes_anew) if anew), len(self))

    @cached_property
    def openness(self) -> np.ndarray:
        """How far the mouth is open in each frame."""
        return np.array([lips.openness for lips in self.lips])

    @property
    def trained(self) -> np.ndarray:
        """The frame that is there at each 25th of a second, which is what networks know."""
        count = int(len(self) / self.rate * TRAINED_RATE)
        return np.array([int(at * self.rate / TRAINED_RATE) for at in range(count)])

    def crops(self) -> np.ndarray:
        """(n, 96, 96, 3) uint8 BGR, at 25 frames a second, framed as the generator's."""
        return np.stack([self._crop(number) for number in self.trained])

    def _crop(self, number: int) -> np.ndarray:
        place = place_of(self.faces[number].box)
        return as_bgr(crop_of(self.frames[number], place), self.colour)


class Viewer:
    """Looks at videos.  It is for one thread."""

    def __init__(self, models: Models) -> None:
        self._find = Finder(models).faces
        self._landmarker = models.landmarker

    def source(self, path: Path, seconds: Fraction) -> Footage:
        """The frames of a source that a render with so long a voice shows."""
        source = examine_source(path, path.name)
        count = max(1, round(seconds * source.rate))
        length = min(count, sum(1 for _ in source.frames()))
        frames = list(islice(timeline(source, length, "pingpong"), count))
        found = {frame.index: self._find(frame)[:1] for frame in each_once(frames)}
        if not any(found.values()):
            raise ValueError(f"{path.name} shows no face")
        seen = np.array([bool(found[frame.index]) for frame in frames])
        faces = steadied([found[frame.index] for frame in frames])
        return self._footage(frames, source.rate, source.colour, faces, well_within(seen))

    def result(self, path: Path, source: Footage) -> Footage:
        """What was made of the source's frames: its faces are where they were."""
        made = examine_source(path, path.name)
        frames = list(made.frames())
        shown = part_of(source, len(frames))
        return self._footage(frames, made.rate, made.colour, shown.faces, shown.shown)

    def _footage(
        self,
        frames: list[Frame],
        rate: Fraction,
        colour: Colour,
        faces: list[Face],
        shown: np.ndarray,
    ) -> Footage:
        pairs = zip(frames, faces, strict=True)
        lips = [self._landmarker.lips(frame, face) for frame, face in pairs]
        return Footage(frames, rate, colour, faces, lips, shown)


def part_of(footage: Footage, count: int) -> Footage:
    """The first so many frames of it."""
    faces, lips, shown = (each[:count] for each in (footage.faces, footage.lips, footage.shown))
    return replace(footage, frames=footage.frames[:count], faces=faces, lips=lips, shown=shown)


def each_once(frames: Iterable[Frame]) -> Iterable[Frame]:
    return {frame.index: frame for frame in frames}.values()


def steadied(found: list[list[Face]]) -> list[Face]:
    """The face of each frame, without the tremble of a detector; where there is none, as it is in
    the nearest frame before, or after."""
    known = [number for number, faces in enumerate(found) if faces]
    near = [max([each for each in known if each <= at] or known[:1]) for at in range(len(found))]
    rows = np.array([found[number][0].row() for number in near])
    return [Face.of(row) for row in steady(rows)]


def well_within(seen: np.ndarray) -> np.ndarray:
    """The frames around which a face is seen."""
    padded = np.pad(seen, NEAR, constant_values=True)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR + 1).all(axis=1)
