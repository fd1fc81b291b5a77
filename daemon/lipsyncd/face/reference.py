"""The reference's own way, for results that match what published checkpoints are known for.

A box of whole pixels overwritten without blending, and boxes smoothed by a mean that looks forward.
"""

import av
import cv2
import numpy as np

from lipsyncd.face.blend import Asked
from lipsyncd.face.box import CROP, Box
from lipsyncd.face.track import Seen
from lipsyncd.face.warp import place_of
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame

SPAN = 5  # boxes that are averaged


class BoxBlend:
    """A Blend that works in BGR and replaces all of the box."""

    lower = False

    def __init__(self, colour: Colour, side: int = CROP) -> None:
        """`side`: that of the generator's crops, in pixels."""
        self._colour = colour
        self._side = side

    def ask(self, frame: Frame, seen: Seen) -> Asked:
        crop = cv2.resize(inside(self.canvas(frame), seen.face.box), (self._side, self._side))
        return Asked(seen, place_of(seen.face.box), crop, crop)

    def canvas(self, frame: Frame) -> np.ndarray:
        return frame.bgr(frame.width, frame.height)

    def paste(self, canvas: np.ndarray, frame: Frame, asked: Asked, mouth: np.ndarray) -> None:
        overwrite(canvas, asked.seen.face.box, mouth)

    def picture(self, canvas: np.ndarray, frame: Frame) -> av.VideoFrame:
        picture = av.VideoFrame.from_ndarray(canvas, "bgr24")
        return picture.reformat(
            format="yuv420p", dst_colorspace=self._colour.matrix, dst_color_range=self._colour.swing
        )


def overwrite(pixels: np.ndarray, box: Box, mouth: np.ndarray) -> None:
    """Put a mouth, (side, side, 3) float32 BGR in 0..255, in its box of uint8 BGR pixels."""
    region = inside(pixels, box)
    region[:] = cv2.resize(mouth.astype(np.uint8), region.shape[1::-1])


def inside(pixels: np.ndarray, box: Box) -> np.ndarray:
    """A writable view of the box, cut off at the frame's edges."""
    left, top = max(0, int(box.left)), max(0, int(box.top))
    return pixels[top : int(box.bottom), left : int(box.right)]


def steady_forward(boxes: np.ndarray) -> np.ndarray:
    """Boxes of one track, (n, 4), each the mean, in whole pixels, of itself and the four after it;
    the last four become the mean of the last five, those already averaged among them (so the
    reference does)."""
    averaged = np.trunc(boxes)
    count = len(averaged)
    for place in range(count):
        # the start is negative in a run shorter than a span: it counts from the end
        start = place if place + SPAN <= count else count - SPAN
        averaged[place] = np.trunc(averaged[start : place + SPAN].mean(axis=0))
    return averaged
