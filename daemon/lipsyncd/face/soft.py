"""The soft blend: what the generator changed in the crop is added to the frame, without a seam.

Around the lips the skin keeps its own fine detail, which a crop cannot hold; on the lips the old
mouth's detail is taken away with it.  Outside the mask every sample stays as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

import av
import cv2
import numpy as np

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, HALF, ellipse
from lipsyncd.face.neutral import NeutralFace, as_bgr
from lipsyncd.face.ramp import ramp
from lipsyncd.face.track import Seen, Track
from lipsyncd.face.warp import (
    SUBSAMPLING,
    chained,
    crop_of,
    finer,
    from_pixel,
    in_plane,
    place_of,
    reduced,
    spread,
    touched,
)
from lipsyncd.media.coding import coder_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, picture_of, planes_of, store

# The lower face in a crop, in its pixels, and the masks there.  The mouth shows from under the nose
# to the chin, and fades out before the crop ends.
LEFT, TOP = 9, 48
LOWER_FACE = np.s_[TOP:96, LEFT:87]
MASK = ellipse(centre=(47.5, 72), radii=(38, 23), core=0.55)[LOWER_FACE]
MOUTH = ellipse(centre=(47.5, 72), radii=(26, 16), core=0.5)[HALF:]
MOUTH /= MOUTH.sum()
LIPS = ellipse(centre=(47.5, 70), radii=(27, 15), core=0.5)[LOWER_FACE] * MASK
RING = MASK * (1 - MASK)  # around the mouth: on the whole nothing should change there

BROAD = 2.0  # pixels of the crop: changes broader than that are taken over everywhere in the mask,
CRISPER = 0.5  # finer ones on the lips alone, where the new mouth's own detail is raised by this

CALM, WIDE = 1.03, 1.12  # unrest by that of the neutral face: from where to where that takes over
ALIKE, TURNED = 24.0, 40.0  # mean difference of the upper faces, of 255: likewise, for the pose


@dataclass(frozen=True)
class Masks:
    """The masks in the lower face of a crop of another size; `scale` is how much larger it is."""

    scale: float
    lower_face: tuple[slice, slice]
    mask: np.ndarray
    lips: np.ndarray
    ring: np.ndarray

    @classmethod
    @cache
    def of(cls, side: int) -> Self:
        """For crops of `side` pixels."""
        scale = side / CROP
        rows, columns = (
            slice(round(each.start * scale), round(each.stop * scale)) for each in LOWER_FACE
        )
        size = (columns.stop - columns.start, rows.stop - rows.start)
        return cls(scale, (rows, columns), *(cv2.resize(each, size) for each in (MASK, LIPS, RING)))


class SoftBlend:
    """A Blend."""

    lower = True

    def __init__(
        self,
        colour: Colour,
        neutral: Callable[[Track], NeutralFace],
        final: Colour | None = None,
    ) -> None:
        """`colour` is that of frames, `final` that of the result, if it is another; `neutral`
        gives the neutral face of a track."""
        self._colour = colour
        self._samples = coder_of(final or colour)
        self._neutral = neutral

    def ask(self, frame: Frame, seen: Seen) -> Asked:
        place, neutral = place_of(seen.face.box), self._neutral(seen.track)
        side = len(neutral.crop)
        samples = crop_of(frame, chained(place, finer(side)), side)
        crop = as_bgr(samples, self._colour)
        calmed = calming(seen.face.smile, reduced(samples), neutral)
        reference = cv2.addWeighted(neutral.crop, calmed, crop, 1 - calmed, 0) if calmed else crop
        return Asked(seen, place, crop, reference, neutral, calmed)

    def canvas(self, frame: Frame) -> np.ndarray:
        return frame.final.i420()

    def paste(self, canvas: np.ndarray, frame: Frame, asked: Asked, mouth: np.ndarray) -> None:
        masks = Masks.of(len(asked.crop))
        old = self._samples(asked.crop[masks.lower_face].astype(np.float32))
        new = self._samples(mouth[:, masks.lower_face[1]])
        # a smile is wider than what follows
        lips = masks.lips + np.float32(asked.calmed) * (masks.mask - masks.lips)
        change, strength = changed(old, new, lips, masks), np.float32(asked.seen.strength)
        change, lips = strength * change, strength * lips
        place = chained(asked.place, finer(len(asked.crop)))
        top, left = (each.start for each in masks.lower_face)
        for channel, plane in enumerate(planes_of(canvas)):
            patch = np.dstack([change[..., channel], old[..., channel]])
            matrix = from_pixel(in_plane(place, SUBSAMPLING[channel]), left, top)
            mix(plane, patch, lips, matrix)

    def picture(self, canvas: np.ndarray, frame: Frame) -> av.VideoFrame:
        return picture_of(canvas, frame.final)


def calming(smile: float, samples: np.ndarray, neutral: NeutralFace) -> float:
    """How far the neutral face is to stand in for a crop as what the generator takes after: 0 to 1.

    A reference that smiles makes it smile, teeth and all, whatever is said.
    """
    least = max(unrest_of(neutral.samples[..., 0], neutral.face.smile), 1e-6)
    wide = ramp(unrest_of(samples[..., 0], smile) / least, CALM, WIDE)
    upper = np.s_[:HALF, :, 0]
    apart = cv2.norm(samples[upper], neutral.samples[upper], cv2.NORM_L1) / samples[upper].size
    return wide * (1 - ramp(apart, ALIKE, TURNED))


def unrest_of(luma: np.ndarray, smile: float) -> float:
    """How far a mouth is from rest: wide, or full of contrast, as teeth and gaps are.

    `luma`: (96, 96) uint8 of its crop.
    """
    lower = luma[HALF:].astype(np.float32)
    mean = float(np.vdot(lower, MOUTH))
    lower -= mean
    return smile * float(np.vdot(lower * lower, MOUTH)) ** 0.5 / (mean + 1)


def changed(old: np.ndarray, new: np.ndarray, lips: np.ndarray, masks: Masks) -> np.ndarray:
    """What to add to the lower face, as large as the masks and of 3 channels, float32, to show the
    new mouth in it."""
    change = new - old
    change -= np.average(change, axis=(0, 1), weights=masks.ring)
    reach = (0, 0), BROAD * masks.scale
    broad = cv2.GaussianBlur(change, *reach)
    fine = change - broad + CRISPER * (new - cv2.GaussianBlur(new, *reach))
    return masks.mask[..., None] * (broad + lips[..., None] * fine)


def mix(plane: np.ndarray, patch: np.ndarray, lips: np.ndarray, matrix: np.ndarray) -> None:
    """In place: add a patch's first channel, and blend towards its second where the lips are."""
    region = touched(plane, matrix, lips.shape[::-1])
    samples = plane[region]
    change, old = cv2.split(spread(patch, matrix, region, cv2.INTER_CUBIC))
    old -= samples
    old *= spread(lips, matrix, region, cv2.INTER_LINEAR)
    old += change
    old += samples
    store(samples, old)
