"""Palette: the colours that a person's lips and the skin around them have.

A generator's shadows are of other people's colours: on a stranger's lips they are violet, and the
dark of an open mouth is crimson.  So what it adds may make lips lighter and darker, but not of a
colour that nothing of them has.
"""

from dataclasses import dataclass

import cv2
import numpy as np

# How much bluer and how much redder than grey, from B, G, R; each by the luma, since a shadow
# changes none of them.
LUMA = np.array([0.114, 0.587, 0.299], np.float32)
HUES = np.array([[1, 0, 0], [0, 0, 1]], np.float32) - LUMA
USUAL = 0.02, 0.98  # of lips and skin: what is beyond is a glint, or noise
DARK = 30.0  # of 255: what is darker has no colour to speak of


@dataclass(frozen=True)
class Palette:
    """The least and the most that lips and skin are bluer than grey, and redder; (2,) float32
    each, in shares of the luma."""

    least: np.ndarray
    most: np.ndarray

    def held(self, wanted: np.ndarray, known: np.ndarray) -> np.ndarray:
        """What is wanted in these colours or those of what was known there, as light as it is; both
        (h, w, 3) float32 BGR in 0..255."""
        light, hues, own = luma(wanted), hues_of(wanted), hues_of(known)
        np.clip(hues, np.minimum(self.least, own), np.maximum(self.most, own), out=hues)
        return shaded(light, hues)

    def held_between(self, wanted: np.ndarray) -> np.ndarray:
        """The same of what is seen between lips: it may be grey, too, as teeth are."""
        hues = np.clip(hues_of(wanted), np.minimum(self.least, 0), np.maximum(self.most, 0))
        return shaded(luma(wanted), hues)


def palette_of(lips: np.ndarray, mask: np.ndarray) -> Palette:
    """Of (h, w, 3) float32 BGR in 0..255, where a mask, (h, w) bool, has lips and skin."""
    seen = hues_of(cv2.GaussianBlur(lips, (0, 0), 1))[mask & (luma(lips) > DARK)]
    if not len(seen):
        return Palette(np.full(2, -1, np.float32), np.full(2, 1, np.float32))
    return Palette(*np.quantile(seen, USUAL, axis=0).astype(np.float32))


def luma(image: np.ndarray) -> np.ndarray:
    return cv2.transform(image, LUMA[None])


def hues_of(image: np.ndarray) -> np.ndarray:
    """(h, w, 2) float32."""
    return cv2.transform(image, HUES) / np.maximum(luma(image), 1)[..., None]


def shaded(light: np.ndarray, hues: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32 BGR of a luma and hues."""
    blue, red = light * (1 + hues[..., 0]), light * (1 + hues[..., 1])
    green = (light - LUMA[0] * blue - LUMA[2] * red) / LUMA[1]
    return cv2.merge([blue, green, red])
