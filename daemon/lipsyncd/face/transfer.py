"""The transfer blend: motion from the generator, pixels from the person.

The lips of the shot's neutral face are moved as the generator's move, in the detail that the frame
it was seen in has, and where they part the person's own teeth are behind them; the face so made is
carried to where the head is now, lit as it is lit there, and shows through a mask without an edge.
Every other sample stays as it was decoded.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.light import light_between, skin_around
from lipsyncd.face.motion import GRID, MASK, MotionFinder, warped
from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.ramp import ramp, ramped
from lipsyncd.face.track import Seen, Track
from lipsyncd.face.warp import (
    SUBSAMPLING,
    crop_of,
    from_pixel,
    in_plane,
    inverted,
    moved,
    reduced,
    spread,
    touched,
)
from lipsyncd.media.coding import coder_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, picture_of, planes_of, store

NONE: Any = None  # which stubs of cv2 do not take

SKIN = skin_around(np.vstack([np.zeros((HALF, CROP), np.float32), MASK]))
# How far the generator's motion is taken: what fades out with the mask, and what the flow misses,
# leave lips less open than its own are.  Measured: sync is best about here (`make bench-quality`).
REACH = 1.25
# Where teeth are seen: how many pixels of the crop an opening has, from and to; and which share of
# one the inside of it has, since lips have none.
APART, BEHIND = (20.0, 60.0), (0.5, 0.9)
SHARPEST = 3.0  # times as steep as in the crop: more would be a staircase
LOWER = GRID + (0, HALF)  # the crop's pixels that have a mask, (48, 96, 2)


class Change(NamedTuple):
    """What is done to a plane.

    `flow`: (48, 96, 2) float32, in crop pixels.  Each (48, 96) float32: `inner`, how far a pixel
    lies between the lips, and is no more what was moved; `added`, to either; `between`, what lies
    there; `mask`, how far all of it shows.
    """

    flow: np.ndarray
    inner: np.ndarray
    added: np.ndarray
    between: np.ndarray
    mask: np.ndarray


class TransferBlend:
    """A Blend.  It is for one thread that asks and one that pastes."""

    lower = True

    def __init__(
        self, colour: Colour, neutral: Callable[[Track], NeutralFace], expression: float = 1.0
    ) -> None:
        """`colour` is that of the result; `neutral` gives the neutral face of a track;
        `expression` scales the movement."""
        self._samples = coder_of(colour)
        self._unit = colour.unit
        self._neutral = neutral
        self._gain = REACH * expression
        self._finder = MotionFinder()

    def ask(self, frame: Frame, seen: Seen) -> Asked:
        neutral = self._neutral(seen.track)
        place = neutral.found(frame, seen.face)
        return Asked(seen, place, neutral.crop, neutral.crop, neutral)

    def canvas(self, frame: Frame) -> np.ndarray:
        return frame.final.i420()

    def paste(self, canvas: np.ndarray, frame: Frame, asked: Asked, mouth: np.ndarray) -> None:
        neutral, strength = asked.neutral, asked.seen.strength
        assert neutral is not None  # as `ask` has it
        motion = self._finder.motion(reduced(mouth), neutral.rest, self._gain)
        seen = crop_of(frame.final, asked.place)
        lips = warped(reduced(neutral.crop)[HALF:].astype(np.float32), motion.flow)
        between = self._samples(neutral.palette.held_between(motion.between))
        held = neutral.palette.held(lips + motion.change, lips)
        added = self._samples(held) - self._samples(lips)
        added += light_between(seen, neutral.final, SKIN, self._unit)[HALF:]
        mask = (strength * MASK).astype(np.float32)
        for channel, plane in enumerate(planes_of(canvas)):
            matrix = from_pixel(in_plane(asked.place, SUBSAMPLING[channel]), 0, HALF)
            layers = motion.inner, added[..., channel], between[..., channel], mask
            put(plane, matrix, neutral, channel, Change(motion.flow, *layers))

    def picture(self, canvas: np.ndarray, frame: Frame) -> av.VideoFrame:
        return picture_of(canvas, frame.final)


def put(
    plane: np.ndarray, matrix: np.ndarray, neutral: NeutralFace, channel: int, change: Change
) -> None:
    """Move the lips of a neutral face and show them in a plane, in place.

    `matrix` is from the lower half's pixels to the plane's, which is the frame's `channel`.
    """
    region, patch = touched(plane, matrix, (CROP, HALF)), neutral.patches[channel]
    taken_at = (LOWER + change.flow) @ patch.matrix[:, :2].T + patch.matrix[:, 2]
    places = spread(taken_at.astype(np.float32), matrix, region, cv2.INTER_LINEAR)
    layers = spread(np.dstack(change[1:]), matrix, region, cv2.INTER_LINEAR)
    inner, added, between, mask = cv2.split(layers)
    sharpen(inner, matrix)
    lips = cv2.remap(patch.samples, places, NONE, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    # in float32 and in place: numpy would convert the samples again in each step
    seen, taken = plane[region].astype(np.float32), lips.astype(np.float32)
    wide = ramp(float(change.inner.sum()), *APART)
    if neutral.teeth and wide:
        left, top, columns, rows = cv2.boundingRect((inner > BEHIND[0]).astype(np.uint8))
        part = np.s_[top : top + rows, left : left + columns]
        to_half = from_pixel(inverted(moved(matrix, region)), left, top)
        teeth, shown = neutral.teeth.seen(channel, to_half, (rows, columns))
        between[part] += shown * wide * ramped(inner[part], *BEHIND) * (teeth - between[part])
    cv2.subtract(between, taken, dst=between)
    cv2.multiply(between, inner, dst=between)
    cv2.add(taken, between, dst=taken)
    cv2.add(taken, added, dst=taken)
    cv2.subtract(taken, seen, dst=taken)
    cv2.multiply(taken, mask, dst=taken)
    cv2.add(taken, seen, dst=taken)
    store(plane[region], taken)


def sharpen(inner: np.ndarray, matrix: np.ndarray) -> None:
    """Let lips end as sharply in a plane as they do in a crop, in place: made larger, where they
    end is blurred."""
    steep = min(math.hypot(*matrix[:, 1]), SHARPEST)
    if steep > 1:
        np.clip(steep * inner + (1 - steep) / 2, 0, 1, out=inner)
