"""What is measured of lips and a voice: sync, how far lips follow, meet, and rest."""

from collections.abc import Iterable

import numpy as np

from lipsyncd.face.lips import SHUT
from lipsyncd.render.sync import OFFSETS

FAR = 8  # frames from which on sound has nothing to do with lips
MOST_LAG = 3  # frames by which lips may be late, or early
AROUND = 0.08  # seconds around a bilabial in which lips have to meet


def sync(cosines: np.ndarray) -> float:
    """The sync expert's cosine of lips and what is heard with them."""
    return float(cosines[:, OFFSETS == 0].mean())


def far_sync(cosines: np.ndarray) -> float:
    """The same with sound that is 8 to 12 frames off, for comparison."""
    return float(cosines[:, np.abs(OFFSETS) >= FAR].mean())


def best_offset(cosines: np.ndarray) -> int:
    """The frames by which the sound would have to be taken later."""
    return int(OFFSETS[cosines.mean(axis=0).argmax()])


def following(openness: np.ndarray, loudness: np.ndarray, shown: np.ndarray) -> float:
    """The correlation of openness and loudness, at the best lag within three frames."""
    count = len(openness) - 2 * MOST_LAG
    middle = slice(MOST_LAG, MOST_LAG + count)
    best = -1.0
    for lag in range(-MOST_LAG, MOST_LAG + 1):
        later = slice(MOST_LAG + lag, MOST_LAG + lag + count)
        there = shown[later] & shown[middle]
        opened, loud = openness[later][there], loudness[middle][there]
        if len(opened) > 2 and opened.std() > 0 and loud.std() > 0:
            best = max(best, float(np.corrcoef(opened, loud)[0, 1]))
    return best


def opening(openness: np.ndarray, spoken: np.ndarray) -> float:
    """How far lips are open in the widest tenth of the spoken frames, at least."""
    return float(np.quantile(openness[spoken], 0.9)) if spoken.any() else float("nan")


def meetings(
    openness: np.ndarray, shown: np.ndarray, rate: float, moments: Iterable[float]
) -> list[bool]:
    """For each moment, in seconds, whether lips are closed within 80 ms of it."""
    met = []
    for moment in moments:
        first = max(0, int(np.ceil((moment - AROUND) * rate)))
        near = slice(first, int(np.floor((moment + AROUND) * rate)) + 1)
        if shown[near].any() and shown[near].all():
            met.append(bool(openness[near].min() < SHUT))
    return met


def leak(openness: np.ndarray, shown: np.ndarray, speech: np.ndarray) -> float:
    """The share of the frames in which nobody speaks, but the mouth is open."""
    silent = shown & (speech == 0)
    return float((openness[silent] > SHUT).mean()) if silent.any() else float("nan")
