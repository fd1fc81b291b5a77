"""Motion: what lips do between two mouths that the generator made of one face.

The generator is wrong about colours and skin in the same way for every mouth of a face, so of what
it makes only the difference is taken: how pixels move, and what no movement explains, such as the
dark of an open mouth, and teeth.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lipsyncd.face.box import CROP, HALF, ellipse

# Where the new mouth is seen, in the lower half of a crop: it fades out before the crop ends.
MASK = ellipse(centre=(47.5, 71), radii=(42, 23), core=0.6)[HALF:]
GRID = np.dstack(np.meshgrid(np.arange(CROP), np.arange(HALF))).astype(np.float32)
FINE = 2  # times the crop's pixels at which the flow is looked for: lips are thin in a crop
SOFT = 1.0  # pixels of the crop


@dataclass(frozen=True)
class Motion:
    """`flow`: (48, 96, 2) float32, in crop pixels: from each pixel to where it was at rest.
    `change`: (48, 96, 3) float32 BGR, to be added after it.  Both fade out with the mask."""

    flow: np.ndarray
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
        change = rest + gain * (mouth - rest) - warped(rest, flow)
        return Motion(flow, change * MASK[..., None])

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
