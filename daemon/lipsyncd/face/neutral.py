"""The neutral face: the face with its mouth at rest, for the generator to take after.

The generator sees a face twice: masked, and whole as a reference.  A reference that smiles makes it
smile, teeth and all, whatever is said.  So the calmest crop that a shot has shown so far stands in
for wider mouths, as far as the head is held alike.
"""

import cv2
import numpy as np

from lipsyncd.face.box import CROP, Box, ellipse

HALF = CROP // 2
MOUTH = ellipse(centre=(47.5, 72), radii=(26, 16), core=0.5)[HALF:]
MOUTH /= MOUTH.sum()
CALM, WIDE = 1.03, 1.12  # unrest by that of the calmest: from where to where that takes over
ALIKE, TURNED = 24.0, 40.0  # mean difference of the upper faces, of 255: likewise, for the pose


class NeutralFace:
    """The calmest crop of the shot so far."""

    def __init__(self) -> None:
        self._crop: np.ndarray | None = None
        self._unrest = np.inf

    def forget(self) -> None:
        """Begin anew: another shot, or another face."""
        self._crop, self._unrest = None, np.inf

    def reference(self, crop: np.ndarray, box: Box) -> tuple[np.ndarray, float]:
        """What the generator takes after for a crop, both (96, 96, 3) uint8 BGR, and how far that
        is the calmest crop: 0 to 1."""
        unrest = unrest_of(crop, box)
        if self._crop is None or unrest <= self._unrest:
            self._crop, self._unrest = crop, unrest
        wide = share(unrest / max(self._unrest, 1e-6), CALM, WIDE)
        calmed = wide * (1 - share(difference_above(crop, self._crop), ALIKE, TURNED))
        if calmed == 0:
            return crop, 0.0
        return cv2.addWeighted(self._crop, calmed, crop, 1 - calmed, 0), calmed


def unrest_of(crop: np.ndarray, box: Box) -> float:
    """How far a mouth is from rest: wide, or full of contrast, as teeth and gaps are."""
    luma = cv2.cvtColor(crop[HALF:], cv2.COLOR_BGR2GRAY).astype(np.float32)
    mean = float(np.vdot(luma, MOUTH))
    luma -= mean
    return box.smile * float(np.vdot(luma * luma, MOUTH)) ** 0.5 / (mean + 1)


def difference_above(crop: np.ndarray, other: np.ndarray) -> float:
    return cv2.norm(crop[:HALF], other[:HALF], cv2.NORM_L1) / crop[:HALF].size


def share(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on."""
    return float(np.clip((value - low) / (high - low), 0, 1))
