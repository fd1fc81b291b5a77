"""Motion: what lips do between two mouths that the generator made of one face.

The generator is wrong about colours and skin in the same way for every mouth of a face, so of what
it makes only the difference is taken: how pixels move, and what no movement explains.  What comes
to be seen between the lips, teeth and the dark, was not there at rest: that is taken as it is.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsyncd.face.box import CROP, HALF, ellipse
from lipsyncd.face.ramp import ramped

# Where the new mouth is seen, in the lower half of a crop: it fades out before the crop ends.
MASK = ellipse(centre=(47.5, 71), radii=(42, 23), core=0.6)[HALF:]
GRID = np.dstack(np.meshgrid(np.arange(CROP), np.arange(HALF))).astype(np.float32)
FINE = 2  # times the crop's pixels at which the flow is looked for: lips are thin in a crop
SOFT = 1.0  # pixels of the crop
# What is seen between the lips: what no movement explains, from and to where it counts, of 255;
# and where skin would be stretched, from and to which share of its detail is left.
NEW, STRETCHED = (20.0, 45.0), (0.55, 0.3)
# What is less red than the lips that it takes the place of, from and to by how much, is teeth; and
# how much greyer than the generator has them, which smears the skin's colour over them.
LESS_RED, GREYER = (8.0, 30.0), 0.7
REDNESS = np.array([[-0.5, -0.5, 1.0]], np.float32)


@dataclass(frozen=True)
class Motion:
    """`flow`: (48, 96, 2) float32, in crop pixels: from each pixel to where it was at rest.
    `inner`: (48, 96) float32, 0 to 1: how far each pixel lies between the lips, and is `change`
    alone.  `change`: (48, 96, 3) float32 BGR, added to what is left of what has moved.  All fade
    out with the mask."""

    flow: np.ndarray
    inner: np.ndarray
    change: np.ndarray


class MotionFinder:
    """It holds the buffers of a flow, and is for one thread."""

    def __init__(self) -> None:
        # Dense inverse search (T. Kroeger et al., ECCV 2016): the finest scale matters, the rest
        # of what slower presets do was not seen in any mouth.
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(0)

    def motion(self, mouth: np.ndarray, rest: np.ndarray, gain: float = 1.0) -> Motion:
        """From a mouth at rest to another, `gain` times as far; both (48, 96, 3) float32 BGR in
        0..255."""
        flow = gain * self._flow(mouth, rest) * MASK[..., None]
        wanted = np.clip(rest + gain * (mouth - rest), 0, 255)
        change = wanted - warped(rest, flow)
        inner = MASK * between_lips(flow, change)
        teeth = ramped(-cv2.transform(change, REDNESS), *LESS_RED)
        change *= (MASK - inner)[..., None]
        return Motion(flow, inner, change + inner[..., None] * greyer(wanted, GREYER * teeth))

    def _flow(self, mouth: np.ndarray, rest: np.ndarray) -> np.ndarray:
        found = self._search.calc(enlarged(mouth), enlarged(rest), None)
        flow = cv2.resize(found, (CROP, HALF), interpolation=cv2.INTER_AREA) / FINE
        return cv2.GaussianBlur(flow, (0, 0), SOFT)


def enlarged(mouth: np.ndarray) -> np.ndarray:
    """Its luma, uint8."""
    luma = cv2.cvtColor(cv2.convertScaleAbs(mouth), cv2.COLOR_BGR2GRAY)
    return cv2.resize(luma, (CROP * FINE, HALF * FINE), interpolation=cv2.INTER_CUBIC)


def warped(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The image with each pixel taken from where the flow says."""
    at = GRID + flow
    return cv2.remap(
        image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def between_lips(flow: np.ndarray, change: np.ndarray) -> np.ndarray:
    """(48, 96) float32: 1 where a flow alone makes no lips of what is seen, 0 where it does."""
    new = ramped(np.abs(change).mean(axis=2), *NEW)
    detail = 1 + np.gradient(flow[..., 1], axis=0)
    return cv2.GaussianBlur(np.maximum(new, ramped(detail, *STRETCHED)), (0, 0), SOFT)


def greyer(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The image with so much less of its colours."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return image + share[..., None] * (grey - image)
