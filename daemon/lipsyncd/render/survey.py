"""The survey: what a look at each face tells, before any of them is rendered.

Of the frames that were looked at it notes how far the mouth is from rest, how far the head is
turned, and whether something is held before the mouth.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from lipsyncd.face.box import CROP
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import crop_of, unrest_of
from lipsyncd.face.track import Run
from lipsyncd.face.warp import from_pixel, inverted, place_of, touched
from lipsyncd.media.frame import Frame
from lipsyncd.model.landmarker import Landmarker

TURNED = 0.30, 0.45  # Face.turn from where the new mouth fades, and at which it has gone
COVERED = 14.0, 19.0  # difference of the lower face from its usual look, of 255: likewise
OTHERS, FEW = 64, 0.3  # looks that each is held against, and the share of them that is to be alike
OPEN_COSTS = 4.0  # what openness adds to unrest, by it
CELLS = (8, 5)  # columns and rows in which the lower face is compared with its usual look
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

    def look(self, run: Run, frame: Frame, face: Face) -> None:
        """Note a face of a run in a frame."""
        place = place_of(face.box)
        samples = crop_of(frame, place)
        lips = self._landmarker.lips(frame, face)
        is_mouth = lips.moved(inverted(place)).are_plausible()
        openness = max(0.0, lips.openness) if is_mouth else 0.0
        unrest = unrest_of(samples[..., 0], face.smile) * (1 + OPEN_COSTS * openness)
        unrest *= (1 + abs(face.turn)) / sharpness(frame, place) ** SHEER
        small = cv2.resize(samples[CROP // 2 :], CELLS, interpolation=cv2.INTER_AREA)
        look = small.reshape(-1, 3).astype(np.float32)
        self._notes[id(run)].append(Note(frame.index, unrest, face.turn, look))

    def calmest(self, run: Run, within: range) -> int:
        """The frame in which the run's mouth is most at rest; one in the range, and one that shows
        the mouth, if there is any."""
        notes = self._notes[id(run)]
        free = uncovered(notes)
        pairs = [pair for pair in zip(free, notes, strict=True) if pair[1].index in within]
        shown = [note for share, note in pairs if share == 1] or [note for _, note in pairs]
        return min(shown, key=lambda note: note.unrest).index if shown else within.start

    def shown(self, run: Run) -> np.ndarray:
        """(n,) float64: how far a new mouth is to be seen in each frame of a run, 0 to 1."""
        notes = self._notes[id(run)]
        turned = np.array([fading(abs(note.turn), *TURNED) for note in notes])
        return careful(turned * uncovered(notes), [note.index - run.start for note in notes])


def uncovered(notes: list[Note]) -> np.ndarray:
    """(n,) float64: how far each mouth is free of hands and microphones, 0 to 1: a lower face that
    is covered looks unlike most others of its run; one that speaks or smiles has some that are
    like it."""
    looks = np.array([note.look for note in notes])
    looks -= np.median(looks, axis=1, keepdims=True)  # light comes and goes
    others = looks[:: max(1, len(looks) // OTHERS)]
    apart = [np.quantile(np.abs(others - look).sum(axis=2).mean(axis=1), FEW) for look in looks]
    return np.array([fading(float(value), *COVERED) for value in apart])


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


def fading(value: float, low: float, high: float) -> float:
    """1 up to `low`, 0 from `high` on."""
    return float(np.clip((high - value) / (high - low), 0, 1))


def sharpness(frame: Frame, place: np.ndarray) -> float:
    """How much detail the frame has around the mouth, from where a new one would be taken: the mean
    of the Laplacian's size, at least 1."""
    luma = frame.planes()[0]
    seen = luma[touched(luma, from_pixel(place, *AROUND_MOUTH[0]), AROUND_MOUTH[1])]
    return max(1.0, float(np.abs(cv2.Laplacian(seen, cv2.CV_16S)).mean()))
