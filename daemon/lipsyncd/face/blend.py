"""Blending: how a crop is cut from a frame, and how a mouth is put back into it without a seam.

It works on the decoded YUV samples and changes the lower face alone, through a mask without an
edge: every other sample stays as it was decoded.  (The reference's way is in reference.py.)
"""

from typing import Protocol

import av
import cv2
import numpy as np

from lipsyncd.face.box import CROP, Box, ellipse
from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.track import Sighting
from lipsyncd.face.warp import enlarge, gather, touched
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, planes_of

SUBSAMPLING = (1, 2, 2)  # of Y, U, V


class Blend(Protocol):
    """What the render asks of each way.  `lower`: it shows only the lower half of a mouth."""

    lower: bool

    def crop(self, frame: Frame, box: Box) -> np.ndarray:
        """The face: (96, 96, 3) uint8 BGR."""
        ...

    def reference(self, sighting: Sighting, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """What the generator takes after, (96, 96, 3) uint8 BGR, and how far that is a calmer
        mouth than the crop's: 0 to 1.  Called in the order of the frames."""
        ...

    def paste(
        self, sighting: Sighting, crop: np.ndarray, mouth: np.ndarray, calmed: float = 0.0
    ) -> av.VideoFrame:
        """A new picture with the mouth, (96 or 48, 96, 3) float32 BGR in 0..255, in its box;
        `crop` and `calmed` as they came from above."""
        ...


# The lower face in a crop, in its pixels, and the masks there.  The mouth shows from under the nose
# to the chin, and fades out before the crop ends.
LOWER = Box(9, 48, 87, 96)
LOWER_FACE = np.s_[48:96, 9:87]
MASK = ellipse(centre=(47.5, 72), radii=(38, 23), core=0.55)[LOWER_FACE]
LIPS = ellipse(centre=(47.5, 70), radii=(27, 15), core=0.5)[LOWER_FACE] * MASK
RING = MASK * (1 - MASK)  # around the mouth: on the whole nothing should change there

BROAD = 2.0  # pixels of the crop: changes broader than that are taken over everywhere in the mask,
CRISPER = 0.5  # finer ones on the lips alone, where the new mouth's own detail is raised by this


class SoftBlend:
    """Adds what the generator changed in the crop to the frame at full resolution.

    Around the lips the skin keeps its own fine detail, which no crop of 96 pixels can hold; on the
    lips the old mouth's detail is taken away with it.
    """

    lower = True

    def __init__(self, colour: Colour) -> None:
        self._to_bgr = colour.to_bgr.astype(np.float32)
        self._from_bgr = colour.from_bgr.astype(np.float32)
        self._neutral = NeutralFace()

    def crop(self, frame: Frame, box: Box) -> np.ndarray:
        planes = zip(frame.planes(), SUBSAMPLING, strict=True)
        samples = [gather(plane, box, CROP, subsampling) for plane, subsampling in planes]
        return cv2.transform(cv2.merge(samples), self._to_bgr)

    def reference(self, sighting: Sighting, crop: np.ndarray) -> tuple[np.ndarray, float]:
        if sighting.opens:
            self._neutral.forget()
        return self._neutral.reference(crop, sighting.box)

    def paste(
        self, sighting: Sighting, crop: np.ndarray, mouth: np.ndarray, calmed: float = 0.0
    ) -> av.VideoFrame:
        samples = sighting.frame.i420()
        old = cv2.transform(crop[LOWER_FACE].astype(np.float32), self._from_bgr)
        new = cv2.transform(mouth[:, LOWER_FACE[1]], self._from_bgr)
        lips = LIPS + np.float32(calmed) * (MASK - LIPS)  # a smile is wider than the mouth after it
        change, part = changed(old, new, lips), part_of(sighting.box, LOWER)
        change, lips = sighting.strength * change, sighting.strength * lips
        for channel, plane in enumerate(planes_of(samples)):
            patch = np.dstack([change[..., channel], old[..., channel]])
            mix(plane, patch, lips, part, SUBSAMPLING[channel])
        return as_picture(samples, sighting.frame)


def changed(old: np.ndarray, new: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """What to add to the lower face, (48, 78, 3) float32, to show the new mouth in it."""
    change = new - old
    change -= np.average(change, axis=(0, 1), weights=RING)
    broad = cv2.GaussianBlur(change, (0, 0), BROAD)
    fine = change - broad + CRISPER * (new - cv2.GaussianBlur(new, (0, 0), BROAD))
    return MASK[..., None] * (broad + lips[..., None] * fine)


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
