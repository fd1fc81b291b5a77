"""The opening of a mouth: exactly where its lips end, and teeth and the dark between them begin.

A mesh of landmarks knows about where.  What is between the lips has other colours than they have,
and is cut out along it by GrabCut (C. Rother et al., SIGGRAPH 2004).
"""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from lipsyncd.face.box import CROP
from lipsyncd.face.lips import Lips, rows_of

NONE: Any = None  # which stubs of cv2 do not take

ROUNDS = 4
AROUND = 6.0  # pixels of the crop around the lips that are looked at
# Of a lip: how far from its inner edge the opening may reach instead.  Of the opening: how far from
# either lip, and of its width how far from either corner, it is certain.
UPPER_LIP, LOWER_LIP = 0.4, 0.7
FROM_UPPER, FROM_LOWER, FROM_CORNER = 0.3, 0.4, 0.15
LEAST = 8  # columns in which it has to be found
PLAIN = 12.0  # difference of the colours inside and outside, of 255, below which it is not
HUBER = 1.0  # pixels: what is farther from a curve counts less
STEPS = 5


def exact(lips: Lips, samples: np.ndarray, scale: int) -> Lips:
    """Lips in a crop with their inner edges where its colours change.

    `samples`: (96 x scale, 96 x scale, 3) uint8 of the crop, in any colours.  As they were, if
    there is no telling.
    """
    places = (np.arange(len(samples)) + 0.5) / scale - 0.5
    hint = hints(lips, places)
    inside = cut_out(samples, hint)
    columns = np.flatnonzero(inside.any(axis=0))
    if len(columns) < LEAST * scale or contrast(samples, inside, hint) < PLAIN:
        return lips
    first = places[inside[:, columns].argmax(axis=0)] - 0.5 / scale
    last = places[len(inside) - 1 - inside[::-1, columns].argmax(axis=0)] + 0.5 / scale
    left, right = places[columns[[0, -1]]]
    upper, lower = (
        curve(reaching(edge, left, right), places[columns], rows)
        for edge, rows in ((lips.upper, first), (lips.lower, last))
    )
    return replace(lips, upper=upper, lower=lower)


def reaching(edge: np.ndarray, left: float, right: float) -> np.ndarray:
    """An edge, stretched so that it reaches as far to either side at least."""
    ends = np.sort(edge[[0, -1], 0])
    wanted = min(left, ends[0]), max(right, ends[1])
    return np.column_stack([np.interp(edge[:, 0], ends, wanted), edge[:, 1]])


def hints(lips: Lips, places: np.ndarray) -> np.ndarray:
    """What GrabCut is told of each pixel, (n, n) uint8; its rows and columns are at `places`."""
    top, upper, lower, bottom = (rows_of(edge, places) for edge in lips.edges)
    rows, left, right = places[:, None], *sorted(lips.upper[[0, -1], 0])
    opening, width = lower - upper, right - left
    highest, lowest = upper - UPPER_LIP * (upper - top), lower + LOWER_LIP * (bottom - lower)
    maybe = (rows > highest) & (rows < lowest)
    maybe &= (places > left - AROUND / 2) & (places < right + AROUND / 2)
    surely = (rows > upper + FROM_UPPER * opening) & (rows < lower - FROM_LOWER * opening)
    surely &= (places > left + FROM_CORNER * width) & (places < right - FROM_CORNER * width)
    hint = np.full(maybe.shape, cv2.GC_BGD, np.uint8)
    hint[maybe] = cv2.GC_PR_BGD
    hint[maybe & (rows > upper) & (rows < lower)] = cv2.GC_PR_FGD
    hint[surely] = cv2.GC_FGD
    return hint


def cut_out(samples: np.ndarray, hint: np.ndarray) -> np.ndarray:
    """(n, n) bool: what GrabCut says is inside."""
    inside = np.zeros(hint.shape, bool)
    if not (hint == cv2.GC_FGD).any():
        return inside
    maybe = cv2.boundingRect((hint != cv2.GC_BGD).astype(np.uint8))
    reach = round(AROUND * len(hint) / CROP)
    left, top = (max(0, edge - reach) for edge in maybe[:2])
    part = np.s_[top : maybe[1] + maybe[3] + reach, left : maybe[0] + maybe[2] + reach]
    labels = np.ascontiguousarray(hint[part])
    cv2.setRNGSeed(0)  # of this thread, so that the same picture has the same edges
    models = np.zeros((1, 65)), np.zeros((1, 65))
    picture = np.ascontiguousarray(samples[part])
    cv2.grabCut(picture, labels, NONE, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside[part] = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return inside


def contrast(samples: np.ndarray, inside: np.ndarray, hint: np.ndarray) -> float:
    """How far the colours between the lips are from those of the lips, of 255."""
    lips = (hint != cv2.GC_BGD) & ~inside
    if not lips.any():
        return 0.0
    return float(np.abs(samples[inside].mean(axis=0) - samples[lips].mean(axis=0)).max())


def curve(edge: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """An edge, (n, 2), moved to what was found: by an arch that is 0 at its corners, since an
    outline that was cut out is ragged, and the corners are often too dark to be cut."""
    left, right = edge[:, 0].min(), edge[:, 0].max()
    apart = rows - rows_of(edge, columns)
    shape, rise = arch((columns - left) / (right - left)), 0.0
    weights = np.ones(len(columns))
    for _ in range(STEPS):
        rise = float((weights * shape) @ apart / max(float((weights * shape) @ shape), 1e-6))
        weights = np.minimum(1, HUBER / np.maximum(np.abs(apart - rise * shape), 1e-6))
    moved = edge[:, 1] + rise * arch((edge[:, 0] - left) / (right - left))
    return np.column_stack([edge[:, 0], moved])


def arch(along: np.ndarray) -> np.ndarray:
    """From 0 at 0 over 1 to 0 at 1."""
    return np.clip(4 * along * (1 - along), 0, 1)
