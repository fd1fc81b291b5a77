"""Lips: their outlines, how far they are open, and how an open mouth is closed.

A face that never rests its mouth (a photograph with a smile) has no neutral one to start from, and
the generator's idea of it shows teeth of nobody.  So its own lips are moved together until they
meet, and the chin is drawn up with them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsyncd.face.box import CROP
from lipsyncd.face.ramp import eased

SHUT = 0.07  # openness up to which a mouth counts as closed
AJAR = 0.06  # and from which on it is closed before it is moved: looks at it differ by so much
FINE = 4  # places of the closing map in a pixel of the crop, each way
MEETING = 0.2  # of the opening: where the lips meet, from the upper one: the jaw moves more
# So much of each lip's edge goes too, where teeth may still be seen: of the opening, and at most of
# the lip
MARGINS, MOST = (0.06, 0.1), 0.25
NOSE, PHILTRUM = 11.0, 4.0  # rows of the crop above the opening, and above the lip, that may move
STILL_ABOVE, STILL_BELOW = 44.0, 95.0  # rows of the crop between which all moves, if lips allow
CORNERS = 2.5  # pixels of the crop in which the opening begins at either corner
LINE, DARKER = 0.9, 0.3  # half the width of the line between the lips, in pixels; and how dark

# In the crop: no mouth has its middle or its width anywhere else.
MIDDLE, WIDTH = ((28, 67), (54, 92)), (12, 60)


@dataclass(frozen=True)
class Lips:
    """Their edges, from top to bottom, (n, 2) each in pixels, from the person's right corner to the
    left: the outer and the inner one of the upper lip, the inner and the outer one of the lower."""

    top: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    bottom: np.ndarray

    @property
    def edges(self) -> tuple[np.ndarray, ...]:
        return self.top, self.upper, self.lower, self.bottom

    def moved(self, matrix: np.ndarray) -> "Lips":
        """The same seen through a (2, 3) matrix."""
        return Lips(*(edge @ matrix[:, :2].T + matrix[:, 2] for edge in self.edges))

    @property
    def openness(self) -> float:
        """The area between the lips by the square of the mouth's width: 0 is closed, and a smile
        that shows teeth has 0.1 and more."""
        across = self.upper[-1] - self.upper[0]
        width = max(float(np.hypot(*across)), 1e-6)
        along, down = across / width, np.array([-across[1], across[0]]) / width
        opening = np.maximum((self.lower - self.upper) @ down, 0)
        return float(np.trapezoid(opening, self.upper @ along)) / width**2

    def are_plausible(self) -> bool:
        """Whether these, in a crop's pixels, can be the lips of its face."""
        middle = (self.upper + self.lower).mean(axis=0) / 2
        width = float(np.hypot(*(self.upper[-1] - self.upper[0])))
        inside = all(low < value < high for value, (low, high) in zip(middle, MIDDLE, strict=True))
        return inside and WIDTH[0] < width < WIDTH[1]


def closing_of(lips: Lips) -> np.ndarray:
    """How to move the lips in a crop until they meet.

    (384, 384, 4) float32, FINE times finer than the crop, all smooth, in pixels of the crop: how
    far below a pixel it is to be taken from above the line where the lips meet, the same beneath
    it, how far below that line the pixel is, and (0 to 1) how open the mouth was there.
    """
    columns = (np.arange(CROP * FINE) + 0.5) / FINE - 0.5
    top, upper, lower, bottom = outlines(lips, columns)
    meeting = upper + MEETING * (lower - upper)
    rows = columns[:, None]
    # lips move as they are, and what is around them the less, the farther away it is
    still = np.minimum(np.maximum(STILL_ABOVE, upper - NOSE), top - PHILTRUM)
    highest, lowest = top + meeting - upper, bottom + meeting - lower
    above = eased((rows - still) / (highest - still))
    beneath = eased((STILL_BELOW - rows) / np.maximum(STILL_BELOW - lowest, 1))
    opened = np.broadcast_to(np.clip((lower - upper) / 4, 0, 1), above.shape)
    moves = (upper - meeting) * above, (lower - meeting) * beneath
    return np.dstack([*moves, rows - meeting, opened]).astype(np.float32)


def applied(closing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a closing, spread to any size: how far below each pixel is to be taken from, and how much
    darker it is."""
    above, beneath, side, opened = cv2.split(closing)
    line = np.exp(-((side / LINE) ** 2))
    return np.where(side < 0, above, beneath), DARKER * opened * line


def outlines(lips: Lips, columns: np.ndarray) -> list[np.ndarray]:
    """The rows of the edges at some columns, from top to bottom, the inner ones with their margins:
    those are one row beyond the corners."""
    top, upper, lower, bottom = (rows_of(edge, columns) for edge in lips.edges)
    ends = sorted(lips.upper[[0, -1], 0])
    near = np.minimum(columns - ends[0], ends[1] - columns) / CORNERS
    opening = np.maximum(lower - upper, 0) * np.clip(near, 0, 1)
    middle = (upper + lower) / 2
    margins = (
        np.minimum(share * opening, MOST * np.maximum(lip, 0))
        for share, lip in zip(MARGINS, (upper - top, bottom - lower), strict=True)
    )
    above, beneath = (opening / 2 + margin for margin in margins)
    return [smoothed(each) for each in (top, middle - above, middle + beneath, bottom)]


def rows_of(edge: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The rows of an edge at some columns; beyond its ends that of the end."""
    return np.interp(columns, *edge[np.argsort(edge[:, 0])].T)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Over about a pixel of the crop: an outline has eleven points only."""
    row = np.ascontiguousarray(values[None], np.float32)
    return cv2.GaussianBlur(row, (0, 0), 1.2 * FINE, sigmaY=1, borderType=cv2.BORDER_REPLICATE)[0]
