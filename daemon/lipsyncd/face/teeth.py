"""Teeth: a person's own, as a frame shows them between open lips.

A generator knows nobody's: what it makes of an open mouth is dark.  The upper teeth stay where they
are in a head, whatever is said, so where lips part they are seen again.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.lips import FINE, Lips, rows_of
from lipsyncd.face.patch import Patch, patches_of
from lipsyncd.face.ramp import eased, ramp, ramped
from lipsyncd.face.warp import chained, finer, from_pixel, inverted
from lipsyncd.media.frame import Frame

# What is a tooth: of the lips' redness, from and to which share; and likewise of the light that the
# brightest tenth between the lips has.
PALE, BRIGHT = (0.9, 0.65), (0.4, 0.6)
LUMA = np.array([0.114, 0.587, 0.299], np.float32)
# Of the opening, from the upper lip: from here on teeth fade, since the lower ones go with the jaw.
UPPER = 0.45
# Teeth have gaps, and glints, but are where most is like them so many pixels of the crop around.
NEAR, MOST = 2.0, (0.3, 0.5)
# Lips that speak leave them less light than a smile does.  Measured: at 0.65 and more the opening
# is told from them so badly that sync is lost (`make bench-quality`).
SHADED = 0.45
# At a look teeth are lighter than lips, from and to by how many times, so far below the upper one
# by the opening.
LIGHTER, BELOW = (0.9, 1.2), 0.35
EDGE = 0.5  # pixels of the crop
FINELY = inverted(finer(CROP * FINE))
LEAST = 16.0  # of its pixels: fewer are a glint


@dataclass(frozen=True)
class Teeth:
    """`patches`: the frame's planes.  `shown`: (192, 384) float32, FINE times finer than the lower
    half of the neutral face's crop: how far each pixel is a tooth, 0 to 1."""

    patches: tuple[Patch, ...]
    shown: np.ndarray

    def seen(
        self, channel: int, matrix: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The samples of a plane, and how far each is a tooth, both float32, `shape` of them;
        `matrix` is from their places to the pixels of the crop's lower half."""
        patch = self.patches[channel]
        samples = through(patch.samples, chained(from_pixel(patch.matrix, 0, HALF), matrix), shape)
        return samples.astype(np.float32), through(self.shown, chained(FINELY, matrix), shape)


def teeth_between(lips: Lips, luma: np.ndarray) -> float:
    """About how much of a person's teeth a luma plane shows, by the square of the mouth's width."""
    inner = slice(2, -2)
    upper, lower = lips.upper[inner], lips.lower[inner]
    teeth = light_at(luma, upper + BELOW * (lower - upper))
    own = light_at(luma, np.vstack([lips.top[inner] + upper, lips.bottom[inner] + lower]) / 2)
    return lips.openness * ramp(teeth / max(own, 1.0), *LIGHTER)


def light_at(luma: np.ndarray, points: np.ndarray) -> float:
    """The mean at some points, those within the plane's edges."""
    last = np.array(luma.shape[::-1]) - 1
    columns, rows = np.clip(np.round(points), 0, last).astype(int).T
    return float(luma[rows, columns].mean())


def teeth_in(frame: Frame, place: np.ndarray, bgr: np.ndarray, lips: Lips) -> Teeth | None:
    """What a final frame shows of teeth, with the crop at a place, (384, 384, 3) uint8 BGR, and the
    exact lips in it."""
    shown = whiteness(bgr, lips)
    if shown.sum() < LEAST * FINE**2:
        return None
    return Teeth(patches_of(frame, place), shown[len(shown) // 2 :])


def whiteness(bgr: np.ndarray, lips: Lips) -> np.ndarray:
    """(384, 384) float32: how far each pixel is a tooth."""
    columns = (np.arange(len(bgr)) + 0.5) / FINE - 0.5
    rows = columns[:, None]
    top, upper, lower, bottom = (rows_of(edge, columns) for edge in lips.edges)
    ends = sorted(lips.upper[[0, -1], 0])
    across = (columns > ends[0]) & (columns < ends[1])
    inside = np.minimum(ramped(rows - upper, 0, EDGE), ramped(lower - rows, 0, EDGE)) * across
    red = (rows > top) & (rows < bottom) & (inside == 0) & across
    luma = cv2.transform(bgr, LUMA[None]).astype(np.float32)
    redness = (bgr[..., 2] - bgr[..., :2].mean(axis=2)) / (luma + 1)
    if not (inside > 0.5).any() or not red.any():
        return np.zeros_like(luma)
    pale = ramped(redness / max(float(np.median(redness[red])), 0.1), *PALE)
    bright = ramped(luma / max(float(np.quantile(luma[inside > 0.5], 0.9)), 1), *BRIGHT)
    depth = (rows - upper) / np.maximum(lower - upper, 1)
    fading = 1 - eased((depth - UPPER) / (1 - UPPER))
    weights = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), NEAR * FINE) + 1e-6
    most = cv2.GaussianBlur((inside * pale * bright).astype(np.float32), (0, 0), NEAR * FINE)
    whole = ramped(most / weights, *MOST)
    return cv2.GaussianBlur((SHADED * inside * whole * fading).astype(np.float32), (0, 0), 1)


def through(samples: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Samples at other places, from which a matrix leads to theirs."""
    if 0 in shape:
        return np.empty(shape, samples.dtype)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        samples, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
