"""Blending: how a crop is cut from a frame, and how a mouth is put back into it without a seam.

It works on the decoded YUV samples and changes the lower face alone, through a mask without an
edge: every other sample stays as it was decoded.  (The reference's way is in reference.py.)
"""

from typing import Protocol

import av
import cv2
import numpy as np

from lipsyncd.face.box import Box
from lipsyncd.face.warp import enlarge, gather, touched
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, planes_of

CROP = 96  # pixels: the side of a crop and of a mouth
SUBSAMPLING = (1, 2, 2)  # of Y, U, V


class Blend(Protocol):
    """What the render asks of each way.  `lower`: it shows only the lower half of a mouth."""

    lower: bool

    def crop(self, frame: Frame, box: Box) -> np.ndarray:
        """The face: (96, 96, 3) uint8 BGR."""
        ...

    def paste(
        self, frame: Frame, box: Box, crop: np.ndarray, mouth: np.ndarray, strength: float
    ) -> av.VideoFrame:
        """A new picture with the mouth, (96 or 48, 96, 3) float32 BGR in 0..255, in its box."""
        ...


def ellipse(centre: tuple[float, float], radii: tuple[float, float], core: float) -> np.ndarray:
    """(96, 96) float32: 1 within `core` of the radii, falling smoothly to 0 at them."""
    rows, columns = np.mgrid[:CROP, :CROP]
    distance = np.hypot((columns - centre[0]) / radii[0], (rows - centre[1]) / radii[1])
    share = np.clip((1 - distance) / (1 - core), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


# The lower face in a crop, in its pixels, and the masks there.  The mouth shows from under the nose
# to the chin, and fades out before the crop ends.
LOWER = Box(9, 48, 87, 96)
LOWER_FACE = np.s_[48:96, 9:87]
MASK = ellipse(centre=(47.5, 72), radii=(38, 23), core=0.55)[LOWER_FACE]
LIPS = ellipse(centre=(47.5, 70), radii=(27, 15), core=0.5)[LOWER_FACE] * MASK
RING = MASK * (1 - MASK)  # around the mouth: on the whole nothing should change there

BROAD = 2.0  # pixels of the crop: changes broader than that are taken over everywhere in the mask,
FINE = 1.5  # finer ones on the lips alone, made crisper by this factor


class SoftBlend:
    """Adds what the generator changed in the crop to the frame at full resolution.

    Around the lips the skin keeps its own fine detail, which no crop of 96 pixels can hold; on the
    lips the old mouth's detail is taken away with it.
    """

    lower = True

    def __init__(self, colour: Colour) -> None:
        self._to_bgr = colour.to_bgr.astype(np.float32)
        self._from_bgr = colour.from_bgr.astype(np.float32)

    def crop(self, frame: Frame, box: Box) -> np.ndarray:
        planes = zip(frame.planes(), SUBSAMPLING, strict=True)
        samples = [gather(plane, box, CROP, subsampling) for plane, subsampling in planes]
        return cv2.transform(cv2.merge(samples), self._to_bgr)

    def paste(
        self, frame: Frame, box: Box, crop: np.ndarray, mouth: np.ndarray, strength: float
    ) -> av.VideoFrame:
        samples = frame.i420()
        old = cv2.transform(crop[LOWER_FACE].astype(np.float32), self._from_bgr)
        change = strength * changed(old, cv2.transform(mouth[:, LOWER_FACE[1]], self._from_bgr))
        lips, part = strength * LIPS, part_of(box, LOWER)
        for channel, plane in enumerate(planes_of(samples)):
            patch = np.dstack([change[..., channel], old[..., channel]])
            mix(plane, patch, lips, part, SUBSAMPLING[channel])
        return as_picture(samples, frame)


def changed(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """What to add to the lower face, (48, 78, 3) float32, to show the new mouth in it."""
    change = new - old
    change -= np.average(change, axis=(0, 1), weights=RING)
    broad = cv2.GaussianBlur(change, (0, 0), BROAD)
    fine = FINE * LIPS[..., None] * (change - broad)
    return MASK[..., None] * (broad + fine)


def mix(plane: np.ndarray, patch: np.ndarray, lips: np.ndarray, box: Box, subsampling: int) -> None:
    """In place: add a patch's first channel, and blend towards its second where the lips are."""
    region = plane[touched(plane, box, subsampling)]
    change, old = cv2.split(enlarge(patch, plane, box, subsampling, cv2.INTER_CUBIC))
    old -= region
    old *= enlarge(lips, plane, box, subsampling, cv2.INTER_LINEAR)
    old += change
    old += region
    cv2.convertScaleAbs(np.maximum(old, 0, out=old), dst=region)


def part_of(box: Box, part: Box) -> Box:
    """A part given in crop pixels, in pixels of the frame."""
    x, y = box.width / CROP, box.height / CROP
    return Box(
        box.left + part.left * x,
        box.top + part.top * y,
        box.left + part.right * x,
        box.top + part.bottom * y,
    )


def as_picture(samples: np.ndarray, like: Frame) -> av.VideoFrame:
    """An I420 array as a picture with the tags of the frame it was made from."""
    picture = av.VideoFrame.from_ndarray(samples, "yuv420p")
    picture.colorspace, picture.color_range = like.picture.colorspace, like.picture.color_range
    return picture
