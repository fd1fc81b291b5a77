"""A face in a picture: its box and five landmarks, at sub-pixel places."""

import math
from dataclasses import dataclass, replace

import numpy as np

from lipsyncd.face.box import Box

FIELDS = 14  # of a row
UNSEEN = (math.nan,) * 10  # landmarks that nobody looked for


@dataclass(frozen=True)
class Face:
    """`landmarks`, in pixels: the right and the left eye, the nose, the right and the left corner
    of the mouth, x and y of each; right is the person's own.  All are nan where only a box is
    known.  `score`: how sure the detector was, 0 to 1.
    """

    box: Box
    landmarks: tuple[float, ...] = UNSEEN
    score: float = 1.0

    @classmethod
    def of(cls, row: np.ndarray, score: float = 1.0) -> "Face":
        """From a row: (14,), the box's left, top, right and bottom, then the landmarks."""
        values = row.tolist()
        return cls(Box(*values[:4]), tuple(values[4:]), score)

    def row(self) -> np.ndarray:
        """(14,) float64."""
        return np.concatenate([self.box.array(), self.landmarks])

    def points(self) -> np.ndarray:
        """The landmarks, (5, 2) float64."""
        return np.reshape(self.landmarks, (5, 2))

    def lowered(self, share: float, pixels: float) -> "Face":
        """With the bottom of its box moved down, by a share of its height and by pixels."""
        return replace(self, box=self.box.lowered(share, pixels))

    @property
    def has_landmarks(self) -> bool:
        return not math.isnan(self.landmarks[0])

    @property
    def roll(self) -> float:
        """The angle of the line through the eyes, in radians; clockwise is positive."""
        (x, y), (to_x, to_y) = self.points()[:2]
        return math.atan2(to_y - y, to_x - x) if self.has_landmarks else 0.0

    @property
    def turn(self) -> float:
        """How far the nose is from the middle of the eyes, along their line and by their distance:
        0 seen from the front, 0.4 about 45 degrees from the side."""
        if not self.has_landmarks:
            return 0.0
        right, left, nose = self.points()[:3]
        line = left - right
        return float((nose - (right + left) / 2) @ line / max(float(line @ line), 1e-6))

    @property
    def smile(self) -> float:
        """The width of the mouth by the distance of the eyes."""
        if not self.has_landmarks:
            return 1.0
        points = self.points()
        eyes, mouth = (np.hypot(*(points[at] - points[at + 1])) for at in (0, 3))
        return float(mouth / max(eyes, 1.0))
