"""Motion: what lips do between two mouths that the generator made of one face.

The generator is wrong about colours and skin in the same way for every mouth of a face, so of what
it makes only the difference is taken: how pixels move, and what no movement explains.  What comes
to be seen between the lips, teeth and the dark, was not there at rest: that is taken as it is.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from lipsyncd.face.box import CROP, HALF, ellipse
from lipsyncd.face.ramp import ramped

NONE: Any = None  # which stubs of cv2 do not take

# Where the new mouth is seen, in the lower half of a crop: it fades out before the crop ends.
MASK = ellipse(centre=(47.5, 71), radii=(42, 23), core=0.6)[HALF:]
GRID = np.dstack(np.meshgrid(np.arange(CROP), np.arange(HALF))).astype(np.float32)
# Where lips are, and part: skin beyond moves as a whole, and nothing new comes to be seen there.
LIPS = ellipse(centre=(47.5, 71), radii=(34, 17), core=0.6)[HALF:]
FINE = 2  # times the crop's pixels at which the flow is looked for: lips are thin in a crop
SOFT, SOFTER = 1.0, 3.0  # pixels of the crop: of lips, and of skin
# What is seen between the lips: what no movement explains, from and to where it counts, of 255;
# and where skin would be stretched, from and to which share of its detail is left, and is another
# than what is seen.
NEW, STRETCHED, OTHER = (20.0, 45.0), (0.55, 0.3), (4.0, 12.0)
# What is less red than the lips that it takes the place of, from and to by how much, and as light,
# from and to which share of them, is teeth; and how much greyer than the generator has them, which
# smears the skin's colour over them.
LESS_RED, AS_LIGHT, GREYER = (8.0, 30.0), (0.5, 0.8), 0.7
REDNESS = np.array([[-0.5, -0.5, 1.0]], np.float32)
DARKEST = 0.6  # of what was seen between lips: a motion taken further would make it ink


@dataclass(frozen=True)
class Motion:
    """`flow`: (48, 96, 2) float32, in crop pixels: from each pixel to where it was at rest.
    `change`: (48, 96, 3) float32 BGR, added to what has moved.  `inner`: (48, 96) float32, 0 to 1:
    how far each pixel lies between the lips, and shows `between` instead, (48, 96, 3) float32 BGR.
    All but `between` fade out with the mask."""

    flow: np.ndarray
    change: np.ndarray
    inner: np.ndarray
    between: np.ndarray


class MotionFinder:
    """It holds the buffers of a flow, and is for one thread."""

    def __init__(self) -> None:
        # Dense inverse search (T. Kroeger et al., ECCV 2016): the finest scale matters, the rest
        # of what slower presets do was not seen in any mouth.
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(0)

    def motion(self, mouth: np.ndarray, rest: np.ndarray, gain: float = 1.0) -> Motion:
        """From a mouth at rest to another, `gain` times as far; both (48, 96, 3) float32 BGR in
        0..255.  Of what no movement explains on lips and skin, shadows and stains, there is never
        more than was seen."""
        flow = self._flow(mouth, rest) * MASK[..., None]
        change = mouth - warped(rest, flow)
        inner = MASK * LIPS * between_lips(gain * flow, gain * change)
        wanted = np.clip(rest + gain * (mouth - rest), np.minimum(rest, DARKEST * mouth), 255)
        between = greyer(coloured(wanted, mouth), GREYER * teeth_of(mouth, mouth - change))
        change *= min(1, gain) * (MASK - inner)[..., None]
        return Motion(gain * flow, change, inner, between)

    def _flow(self, mouth: np.ndarray, rest: np.ndarray) -> np.ndarray:
        found = self._search.calc(enlarged(mouth), enlarged(rest), NONE)
        flow = cv2.resize(found, (CROP, HALF), interpolation=cv2.INTER_AREA) / FINE
        lips, skin = (cv2.GaussianBlur(flow, (0, 0), each) for each in (SOFT, SOFTER))
        return skin + LIPS[..., None] * (lips - skin)


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
    size = np.abs(change).mean(axis=2)
    stretched = ramped(1 + np.gradient(flow[..., 1], axis=0), *STRETCHED) * ramped(size, *OTHER)
    return cv2.GaussianBlur(np.maximum(ramped(size, *NEW), stretched), (0, 0), SOFT)


def teeth_of(mouth: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """(48, 96) float32: how far each pixel is a tooth where there were lips."""
    pale = ramped(cv2.transform(lips - mouth, REDNESS), *LESS_RED)
    light = ramped(luma(mouth) / (luma(lips) + 1), *AS_LIGHT)
    return pale * light


def luma(image: np.ndarray) -> np.ndarray:
    """(48, 96) float32."""
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def coloured(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The image in the colours of another, as light as it is: colours that are taken further than
    they were seen are nobody's, and the dark of a mouth would be blue."""
    light, known = luma(image), luma(like)
    return like * (light / np.maximum(known, 1))[..., None]


def greyer(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The image with so much less of its colours."""
    grey = cv2.cvtColor(luma(image), cv2.COLOR_GRAY2BGR)
    return image + share[..., None] * (grey - image)
