"""Lips: their inner outline, how far they are open, and how an open mouth is closed.

A face that never rests its mouth (a photograph with a smile) has no neutral one to start from, and
the generator's idea of it shows teeth of nobody.  So its own lips are moved together until they
meet, and the chin is drawn up with them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsyncd.face.box import CROP
from lipsyncd.face.ramp import eased
from lipsyncd.face.warp import inverted

FINE = 4  # places of the closing map in a pixel of the crop, each way
MEETING = 0.2  # of the opening: where the lips meet, from the upper one: the jaw moves more
# Of the opening: so much of each lip's edge goes too, where teeth may still be seen
MARGINS = 0.1, 0.18
NOSE = 11.0  # rows above the upper lip's edge at which it begins, which does not move
STILL_ABOVE, STILL_BELOW = 44.0, 95.0  # rows of the crop beyond which nothing moves
CORNERS = 5.0  # pixels of the crop in which the opening begins at either corner
LINE, DARKER = 0.9, 0.3  # half the width of the line between the lips, in pixels; and how dark
SHUT = 0.07  # openness up to which a mouth counts as closed

# In the crop: no mouth has its middle or its width anywhere else.
MIDDLE, WIDTH = ((28, 67), (54, 92)), (12, 60)


@dataclass(frozen=True)
class Lips:
    """The inner edge of each lip, (n, 2) in pixels, from the person's right corner to the left."""

    upper: np.ndarray
    lower: np.ndarray

    def moved(self, matrix: np.ndarray) -> "Lips":
        """The same seen through a (2, 3) matrix."""
        return Lips(*(edge @ matrix[:, :2].T + matrix[:, 2] for edge in (self.upper, self.lower)))

    @property
    def openness(self) -> float:
        """The area between the lips by the square of the mouth's width: 0 is closed, and a smile
        that shows teeth has 0.1 and more."""
        across = self.upper[-1] - self.upper[0]
        width = max(float(np.hypot(*across)), 1e-6)
        along, down = across / width, np.array([-across[1], across[0]]) / width
        opening = (self.lower - self.upper) @ down
        return float(np.trapezoid(np.maximum(opening, 0), self.upper @ along)) / width**2

    def are_plausible(self) -> bool:
        """Whether these, in a crop's pixels, can be the lips of its face."""
        middle = (self.upper + self.lower).mean(axis=0) / 2
        width = float(np.hypot(*(self.upper[-1] - self.upper[0])))
        inside = all(low < value < high for value, (low, high) in zip(middle, MIDDLE, strict=True))
        return inside and WIDTH[0] < width < WIDTH[1]


def closing_of(lips: Lips, place: np.ndarray) -> np.ndarray | None:
    """How to move the lips in the crop at a place until they meet; None if they do, or if it is no
    mouth.

    (384, 384, 4) float32, FINE times finer than the crop, all smooth, in pixels of the crop: how
    far below a pixel it is to be taken from above the line where the lips meet, the same beneath
    it, how far below that line the pixel is, and (0 to 1) how open the mouth was there.
    """
    inside = lips.moved(inverted(place))
    if lips.openness < SHUT or not inside.are_plausible():
        return None
    columns = (np.arange(CROP * FINE) + 0.5) / FINE - 0.5
    upper, lower = edges(inside, columns)
    meeting = upper + MEETING * (lower - upper)
    rows = columns[:, None]
    top = np.maximum(STILL_ABOVE, upper - NOSE)
    above = eased((rows - top) / np.maximum(meeting - top, 1))
    beneath = eased((STILL_BELOW - rows) / np.maximum(STILL_BELOW - meeting, 1))
    opened = np.broadcast_to(np.clip((lower - upper) / 4, 0, 1), above.shape)
    moves = (upper - meeting) * above, (lower - meeting) * beneath
    return np.dstack([*moves, rows - meeting, opened]).astype(np.float32)


def applied(closing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a closing, spread to any size: how far below each pixel is to be taken from, and how much
    darker it is."""
    above, beneath, side, opened = cv2.split(closing)
    line = np.exp(-((side / LINE) ** 2))
    return np.where(side < 0, above, beneath), DARKER * opened * line


def edges(lips: Lips, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row of each lip's edge, with its margin, at some columns: one row beyond the corners."""
    upper, lower = (
        np.interp(columns, *edge[np.argsort(edge[:, 0])].T) for edge in (lips.upper, lips.lower)
    )
    ends = sorted(lips.upper[[0, -1], 0])
    near = np.minimum(columns - ends[0], ends[1] - columns) / CORNERS
    opening = np.maximum(lower - upper, 0) * np.clip(near, 0, 1)
    middle = (upper + lower) / 2
    above, beneath = (opening * (0.5 + margin) for margin in MARGINS)
    return smoothed(middle - above), smoothed(middle + beneath)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Over about a pixel of the crop: an outline has eleven points only."""
    row = np.ascontiguousarray(values[None], np.float32)
    return cv2.GaussianBlur(row, (0, 0), 1.2 * FINE, sigmaY=1, borderType=cv2.BORDER_REPLICATE)[0]
