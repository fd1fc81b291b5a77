"""The survey: what a look at each face tells, before any of them is rendered.

Of the frames that were looked at it notes how far the mouth is from rest, how far the head is
turned, and whether something is held before the mouth.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.face.rest import Mouth, calmest, mouth_of, toothiest
from lipsyncd.face.teeth import teeth_between
from lipsyncd.face.track import Run
from lipsyncd.face.warp import crop_of, from_pixel, inverted, place_of, touched
from lipsyncd.media.frame import Frame
from lipsyncd.model.landmarker import Landmarker

# Face.turn at which a mouth vanishes, and below which it is seen again: a mouth is seen or it is
# not, since half of one above half of another is two mouths
TURNED = 0.42, 0.34
# Likewise the difference of a lower face from those of its run that are like it, of 255: at least,
# and by the median of all.  Measured on twelve talkers, still and lively ones: speech and nods are
# taken for a hand in 1 of 1000 looks; painted microphones and cups are seen in 9 of 10, hands, as
# much like skin as they are, in 4 of 10.
COVERED, BY_MEDIAN = (15.0, 12.0), (2.6, 2.0)
OTHERS, FEW = 64, 0.3  # looks that each is held against, and the share of them that is to be alike
LOWER_FACE = np.s_[54:92, 24:72]  # of the crop, within the face
CELLS = (6, 5)  # columns and rows in which it is compared
COLOURS = 2.0  # times as much as light
EASE = 3  # frames over which a mouth fades
AROUND_MOUTH = (20, 50), (56, 42)  # of the crop: first column and row; columns and rows
SKIN = 0.7  # of its pixels, those with the least detail: the others are teeth, or hair


@dataclass(frozen=True)
class Note:
    """What a look at a face in frame `index` told; `mouth` is None if none was recognised."""

    index: int
    turn: float
    mouth: Mouth | None
    cells: np.ndarray  # of the lower face: (30, 3) float32


class Survey:
    """The notes of all faces."""

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker
        self._notes: dict[int, list[Note]] = defaultdict(list)
        self._free: dict[tuple[int, int], np.ndarray] = {}  # by run and how often it was looked at

    def look(self, run: Run, frame: Frame, face: Face) -> None:
        """Note a face of a run in a frame."""
        place = place_of(face.box)
        lips = self._landmarker.lips(frame, face)
        is_mouth = lips.moved(inverted(place)).are_plausible()
        cells = cells_of(crop_of(frame, place)[LOWER_FACE])
        teeth = teeth_between(lips, frame.planes()[0])
        sharp = sharpness(frame, place)
        mouth = mouth_of(lips, face, cells, sharp, teeth) if is_mouth else None
        self._notes[id(run)].append(Note(frame.index, face.turn, mouth, cells))

    def calmest(self, run: Run, within: range) -> int:
        """The frame in which the run's mouth is most at rest; one in the range, and one that shows
        the mouth, if there is any."""
        known = self._mouths(run, within)
        return list(known)[calmest(list(known.values()))] if known else within.start

    def toothiest(self, run: Run, within: range, calm: int) -> int | None:
        """The frame in the range that shows the run's teeth best, to be seen in the calmest one; if
        any does, and better than that itself."""
        known = self._mouths(run, within)
        if calm not in known:
            return None
        best = toothiest(list(known.values()), known[calm])
        return None if best is None else list(known)[best]

    def _mouths(self, run: Run, within: range) -> dict[int, Mouth]:
        """What looks at a run's mouth told, by their frames, those with nothing before it if there
        are any."""
        notes = zip(self._notes[id(run)], self._uncovered(run), strict=True)
        near = [(note, is_free) for note, is_free in notes if note.index in within]
        free = {note.index: note.mouth for note, is_free in near if note.mouth and is_free}
        return free or {note.index: note.mouth for note, _ in near if note.mouth}

    def shown(self, run: Run) -> np.ndarray:
        """(n,) float64: how far a new mouth is to be seen in each frame of a run, 0 to 1."""
        return self._spread(run, self._facing(run) * self._uncovered(run))

    def turned(self, run: Run) -> np.ndarray:
        """(n,) bool: the frames of a run in which the head is turned too far."""
        return self._spread(run, self._facing(run)) == 0

    def _spread(self, run: Run, shares: np.ndarray) -> np.ndarray:
        return careful(shares, [note.index - run.start for note in self._notes[id(run)]])

    def _facing(self, run: Run) -> np.ndarray:
        return below(np.array([abs(note.turn) for note in self._notes[id(run)]]), *TURNED)

    def _uncovered(self, run: Run) -> np.ndarray:
        notes = self._notes[id(run)]
        key = id(run), len(notes)
        if key not in self._free:
            self._free[key] = uncovered(notes)
        return self._free[key]


def cells_of(samples: np.ndarray) -> np.ndarray:
    """What of a lower face is held against others: (30, 3) float32 of (n, m, 3) uint8 Y, U, V."""
    small = cv2.resize(samples, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
    small[..., 1:] *= COLOURS
    cells: np.ndarray = small.reshape(-1, 3)
    return cells - np.median(cells, axis=0)  # light comes and goes


def uncovered(notes: list[Note]) -> np.ndarray:
    """(n,) float64: whether each mouth is free of hands and microphones, 1 or 0: a lower face that
    is covered looks unlike most others of its run; one that speaks or smiles has some that are
    like it, and differs in its mouth alone."""
    faces = np.array([note.cells for note in notes])
    others = faces[:: max(1, len(faces) // OTHERS)]
    apart = np.array([apartness(face, others) for face in faces])
    usual = float(np.median(apart))
    high, low = (max(least, share * usual) for least, share in zip(COVERED, BY_MEDIAN, strict=True))
    return below(apart, high, low)


def apartness(cells: np.ndarray, others: np.ndarray) -> float:
    """How far a lower face is from the nearest others, in most of its cells."""
    apart = np.abs(others - cells).sum(axis=2)
    return float(np.quantile(np.median(apart, axis=1), FEW))


def below(values: np.ndarray, high: float, low: float) -> np.ndarray:
    """(n,) float64: 0 from where a value is above `high` to where, on either side, it is below
    `low`; else 1."""
    _, labels = cv2.connectedComponents((values > low).astype(np.uint8)[None], connectivity=4)
    return 1.0 - (np.isin(labels[0], labels[0][values > high]) & (values > low))


def careful(shares: np.ndarray, places: list[int]) -> np.ndarray:
    """Shares at some places, as one for each frame up to the last of them.  What comes between two
    looks may have come right after the first: so a mouth has faded before a look that shows it."""
    least = np.empty(places[-1] + 1)
    for (place, share), (after, next_share) in pairwise(zip(places, shares, strict=True)):
        least[place : after + 1] = min(share, next_share)
    least[places[-1]] = shares[-1]
    window = np.ones(2 * EASE + 1)
    eroded = cv2.erode(least[None], window[None], borderType=cv2.BORDER_REPLICATE)
    eased = cv2.blur(eroded, (len(window), 1), borderType=cv2.BORDER_REPLICATE)
    return np.minimum(eased[0], least)


def sharpness(frame: Frame, place: np.ndarray) -> float:
    """How much detail the skin has around the mouth, from where a new one would be taken: the mean
    of the Laplacian's size, and a little more, so that it is never 0."""
    luma = frame.planes()[0]
    seen = luma[touched(luma, from_pixel(place, *AROUND_MOUTH[0]), AROUND_MOUTH[1])]
    detail = np.sort(np.abs(cv2.Laplacian(seen, cv2.CV_16S)), axis=None)
    return 0.5 + float(detail[: math.ceil(SKIN * detail.size)].mean())
