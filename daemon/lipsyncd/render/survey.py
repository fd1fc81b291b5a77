"""The survey: what a look at each face tells, before any of them is rendered.

Of the frames that were looked at it notes how far the mouth is from rest, how far the head is
turned, and whether something is held before the mouth.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from lipsyncd.face.box import HALF
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import unrest_of
from lipsyncd.face.ramp import ramp
from lipsyncd.face.track import Run
from lipsyncd.face.warp import crop_of, from_pixel, inverted, place_of, touched
from lipsyncd.media.frame import Frame
from lipsyncd.model.landmarker import Landmarker

TURNED = 0.45, 0.30  # Face.turn at which no new mouth is seen, and up to which it is seen whole
COVERED = 19.0, 14.0  # difference of the lower face from those that are alike, of 255: likewise
OTHERS, FEW = 64, 0.3  # looks that each is held against, and the share of them that is to be alike
OPEN_COSTS = 4.0  # what openness adds to unrest, by it
CELLS = (8, 5)  # columns and rows in which the lower face is compared
EASE = 3  # frames over which a mouth fades where it is covered
AROUND_MOUTH = (20, 50), (56, 42)  # of the crop: first column and row; columns and rows
SHEER = 0.5  # how much sharpness counts against unrest, as a power


@dataclass(frozen=True)
class Note:
    """What a look at a face told.  `unrest`: how far its mouth is from rest, blurred ones more."""

    index: int
    unrest: float
    turn: float
    look: np.ndarray  # of the lower face: (40, 3) float32


class Survey:
    """The notes of all faces."""

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker
        self._notes: dict[int, list[Note]] = defaultdict(list)
        self._free: dict[tuple[int, int], np.ndarray] = {}  # by run and how often it was looked at

    def look(self, run: Run, frame: Frame, face: Face) -> None:
        """Note a face of a run in a frame."""
        place = place_of(face.box)
        samples = crop_of(frame, place)
        lips = self._landmarker.lips(frame, face)
        is_mouth = lips.moved(inverted(place)).are_plausible()
        openness = max(0.0, lips.openness) if is_mouth else 0.0
        unrest = unrest_of(samples[..., 0], face.smile) * (1 + OPEN_COSTS * openness)
        unrest *= (1 + abs(face.turn)) / sharpness(frame, place) ** SHEER
        small = cv2.resize(samples[HALF:], CELLS, interpolation=cv2.INTER_AREA)
        look = small.reshape(-1, 3).astype(np.float32)
        self._notes[id(run)].append(Note(frame.index, unrest, face.turn, look))

    def calmest(self, run: Run, within: range) -> int:
        """The frame in which the run's mouth is most at rest; one in the range, and one that shows
        the mouth, if there is any."""
        notes, free = self._notes[id(run)], self._uncovered(run)
        pairs = [pair for pair in zip(free, notes, strict=True) if pair[1].index in within]
        shown = [note for share, note in pairs if share == 1] or [note for _, note in pairs]
        return min(shown, key=lambda note: note.unrest).index if shown else within.start

    def shown(self, run: Run) -> np.ndarray:
        """(n,) float64: how far a new mouth is to be seen in each frame of a run, 0 to 1."""
        notes = self._notes[id(run)]
        turned = np.array([ramp(abs(note.turn), *TURNED) for note in notes])
        places = [note.index - run.start for note in notes]
        return careful(turned * self._uncovered(run), places)

    def _uncovered(self, run: Run) -> np.ndarray:
        notes = self._notes[id(run)]
        key = id(run), len(notes)
        if key not in self._free:
            self._free[key] = uncovered(notes)
        return self._free[key]


def uncovered(notes: list[Note]) -> np.ndarray:
    """(n,) float64: how far each mouth is free of hands and microphones, 0 to 1: a lower face that
    is covered looks unlike most others of its run; one that speaks or smiles has some that are
    like it."""
    looks = np.array([note.look for note in notes])
    looks -= np.median(looks, axis=1, keepdims=True)  # light comes and goes
    others = looks[:: max(1, len(looks) // OTHERS)]
    apart = [np.quantile(np.abs(others - look).sum(axis=2).mean(axis=1), FEW) for look in looks]
    return np.array([ramp(float(value), *COVERED) for value in apart])


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
    """How much detail the frame has around the mouth, from where a new one would be taken: the mean
    of the Laplacian's size, at least 1."""
    luma = frame.planes()[0]
    seen = luma[touched(luma, from_pixel(place, *AROUND_MOUTH[0]), AROUND_MOUTH[1])]
    return max(1.0, float(np.abs(cv2.Laplacian(seen, cv2.CV_16S)).mean()))
