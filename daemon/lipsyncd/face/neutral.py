"""The neutral face: a face with its mouth at rest, in the full detail of its frame.

Everything that the lips do in a shot is done to it.  Where the shot has no mouth at rest, the one
that comes nearest is closed (lips.py).
"""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from lipsyncd.face.align import Template, carried
from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.face import Face
from lipsyncd.face.lips import AJAR, FINE, Lips, applied, closing_of
from lipsyncd.face.motion import LIPS
from lipsyncd.face.opening import exact
from lipsyncd.face.palette import Palette, palette_of
from lipsyncd.face.patch import Patch
from lipsyncd.face.teeth import Teeth
from lipsyncd.face.warp import (
    SUBSAMPLING,
    chained,
    crop_of,
    finer,
    in_plane,
    inverted,
    reduced,
    spread,
    touched,
)
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, Planes, store

FINER = finer(CROP * FINE)


@dataclass(frozen=True)
class NeutralFace:
    """`face` in its own frame, at `place`.

    `crop`: (side, side, 3) uint8 BGR, as the generator is given it.  `samples`: (96, 96, 3) uint8,
    the same as Y, U, V; `final` the same as the result has them.  `patches`: the lower face in each
    plane of the result's frame.  `rest`: what the generator makes of the crop when it hears
    silence, (48, 96, 3) float32 BGR in 0..255.  `teeth`: what is to be seen between the lips, if
    any are known.
    """

    face: Face
    place: np.ndarray
    crop: np.ndarray
    samples: np.ndarray
    final: np.ndarray
    patches: tuple[Patch, ...]
    rest: np.ndarray
    template: Template = field(repr=False)
    teeth: Teeth | None = None

    @cached_property
    def palette(self) -> Palette:
        """The colours of its lower face."""
        return palette_of(reduced(self.crop)[HALF:].astype(np.float32), LIPS > 0)

    def found(self, frame: Frame, face: Face) -> np.ndarray:
        """The place of its crop in another frame, where its face is about there."""
        about = chained(carried(self.face, face), self.place)
        return self.template.found(frame.planes()[0], about)


def as_bgr(samples: np.ndarray, colour: Colour) -> np.ndarray:
    """(..., 3) uint8 BGR of uint8 Y, U, V."""
    return cv2.transform(samples, colour.to_bgr.astype(np.float32))


def opened(frame: Frame, place: np.ndarray, lips: Lips) -> Lips | None:
    """The lips in the crop at a place, exactly, if they are open there."""
    inside = lips.moved(inverted(place))
    if lips.openness < AJAR or not inside.are_plausible():
        return None
    return exact(inside, crop_of(frame, chained(place, FINER), CROP * FINE), FINE)


def closed(frame: Frame, place: np.ndarray, lips: Lips) -> Frame:
    """The frame with the lips in the crop at a place closed."""
    closing = closing_of(lips)
    return frame.edited(lambda planes: close(planes, place, closing))


def close(planes: Planes, place: np.ndarray, closing: np.ndarray) -> None:
    """Do the closing in the planes of a frame."""
    for plane, each in zip(planes, SUBSAMPLING, strict=True):
        matrix = in_plane(place, each)
        region = touched(plane, matrix, (CROP, CROP))
        below, shade = applied(spread(closing, chained(matrix, FINER), region, cv2.INTER_LINEAR))
        rows, columns = np.mgrid[region].astype(np.float32)
        across, down = matrix[:, 1].astype(np.float32)
        taken = cv2.remap(
            plane,
            columns + across * below,
            rows + down * below,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        store(plane[region], taken * (1 - shade) if each == 1 else taken)  # only the light goes
