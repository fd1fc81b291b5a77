"""The transfer blend: motion from the generator, pixels from the person.

The lips of the shot's neutral face are moved as the generator's move, in the detail that the frame
it was seen in has; the face so made is carried to where the head is now, lit as it is lit there,
and shows through a mask without an edge.  Every other sample stays as it was decoded.
"""

from collections.abc import Callable

import av
import cv2
import numpy as np

from lipsyncd.face.align import carried
from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.light import light_between, skin_around
from lipsyncd.face.motion import GRID, MASK, Motion, MotionFinder, warped
from lipsyncd.face.neutral import NeutralFace, Patch
from lipsyncd.face.track import Seen, Track
from lipsyncd.face.warp import (
    SUBSAMPLING,
    chained,
    crop_of,
    from_pixel,
    in_plane,
    reduced,
    spread,
    touched,
)
from lipsyncd.media.coding import coder_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, picture_of, planes_of, store

SKIN = skin_around(np.vstack([np.zeros((HALF, CROP), np.float32), MASK]))
# How far the generator's motion is taken: what fades out with the mask, and what the flow misses,
# leave lips less open than its own are.  Measured: sync is best about here (`make bench-quality`).
REACH = 1.25
LOWER = GRID + (0, HALF)  # the crop's pixels that have a mask, (48, 96, 2)
Layers = tuple[np.ndarray, np.ndarray, np.ndarray]


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
        place = chained(carried(neutral.face, seen.face), neutral.place)
        place = neutral.template.found(frame.planes()[0], place)
        return Asked(seen, place, neutral.crop, neutral.crop, neutral)

    def canvas(self, frame: Frame) -> np.ndarray:
        return frame.final.i420()

    def paste(self, canvas: np.ndarray, frame: Frame, asked: Asked, mouth: np.ndarray) -> None:
        neutral, strength = asked.neutral, asked.seen.strength
        motion = self._finder.motion(reduced(mouth), neutral.rest, self._gain)
        seen = crop_of(frame.final, asked.place)
        added = self._changed(motion, neutral)
        added += light_between(seen, neutral.final, SKIN, self._unit)[HALF:]
        share, mask = 1 - motion.inner, (strength * MASK).astype(np.float32)
        for channel, plane in enumerate(planes_of(canvas)):
            matrix = from_pixel(in_plane(asked.place, SUBSAMPLING[channel]), 0, HALF)
            put(
                plane,
                matrix,
                neutral.patches[channel],
                motion,
                (added[..., channel].copy(), share, mask),
            )

    def picture(self, canvas: np.ndarray, frame: Frame) -> av.VideoFrame:
        return picture_of(canvas, frame.final)

    def _changed(self, motion: Motion, neutral: NeutralFace) -> np.ndarray:
        """(48, 96, 3) float32: what to add, in samples, to what is left of the moved ones."""
        left = 1 - motion.inner[..., None]
        moved = warped(reduced(neutral.crop)[HALF:].astype(np.float32), motion.flow)
        return self._samples(left * moved + motion.change) - left * self._samples(moved)


def put(
    plane: np.ndarray, matrix: np.ndarray, patch: Patch, motion: Motion, layers: Layers
) -> None:
    """Move the lips of a neutral face and show them in a plane, in place.

    `matrix` is from the lower half's pixels to the plane's; `layers`, each (48, 96) float32,
    are what is added, to which share of what is moved, and how far all of it shows.
    """
    region = touched(plane, matrix, (CROP, HALF))
    taken_at = (LOWER + motion.flow) @ patch.matrix[:, :2].T + patch.matrix[:, 2]
    places = spread(taken_at.astype(np.float32), matrix, region, cv2.INTER_LINEAR)
    added, share, mask = (spread(layer, matrix, region, cv2.INTER_LINEAR) for layer in layers)
    moved = cv2.remap(patch.samples, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    # in float32 and in place: numpy would convert the samples again in each step
    seen, taken = plane[region].astype(np.float32), moved.astype(np.float32)
    cv2.multiply(taken, share, dst=taken)
    cv2.add(taken, added, dst=taken)
    cv2.subtract(taken, seen, dst=taken)
    cv2.multiply(taken, mask, dst=taken)
    cv2.add(taken, seen, dst=taken)
    store(plane[region], taken)
