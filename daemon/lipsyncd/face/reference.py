"""The reference's own way, for results that match what published checkpoints are known for.

A box of whole pixels overwritten without blending, and boxes smoothed by a mean that looks forward.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import av
import cv2
import numpy as np

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.track import Sighting
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame

SPAN = 5  # boxes that are averaged


class BoxBlend:
    """A Blend that works in BGR and replaces all of the box."""

    lower = False

    def __init__(self, colour: Colour) -> None:
        self._colour = colour

    def crop(self, frame: Frame, box: Box) -> np.ndarray:
        pixels = frame.bgr(frame.width, frame.height)
        return cv2.resize(inside(pixels, box), (CROP, CROP))

    def reference(self, sighting: Sighting, crop: np.ndarray) -> tuple[np.ndarray, float]:
        return crop, 0.0

    def paste(
        self, sighting: Sighting, crop: np.ndarray, mouth: np.ndarray, calmed: float = 0.0
    ) -> av.VideoFrame:
        pixels = sighting.frame.bgr(sighting.frame.width, sighting.frame.height)
        overwrite(pixels, sighting.box, mouth)
        picture = av.VideoFrame.from_ndarray(pixels, "bgr24")
        return picture.reformat(
            format="yuv420p", dst_colorspace=self._colour.matrix, dst_color_range=self._colour.swing
        )


def overwrite(pixels: np.ndarray, box: Box, mouth: np.ndarray) -> None:
    """Put a mouth, (96, 96, 3) float32 BGR in 0..255, in its box of uint8 BGR pixels."""
    region = inside(pixels, box)
    region[:] = cv2.resize(mouth.astype(np.uint8), region.shape[1::-1])


def inside(pixels: np.ndarray, box: Box) -> np.ndarray:
    """A writable view of the box, cut off at the frame's edges."""
    left, top = max(0, int(box.left)), max(0, int(box.top))
    return pixels[top : int(box.bottom), left : int(box.right)]


def steady_forward(sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Each box becomes the mean, in whole pixels, of itself and the four after it; the last four
    become the mean of the last five, those already averaged among them (so the reference does)."""
    held: list[Sighting] = []
    for sighting in sightings:
        if sighting.box is None or sighting.opens:
            yield from averaged_tail(held)
            held = []
        if sighting.box is None:
            yield sighting
            continue
        held.append(sighting)
        if len(held) > SPAN:
            held.pop(0)
        if len(held) == SPAN:
            held[0] = averaged(held[0], held)
            yield held[0]
    yield from averaged_tail(held)


def averaged_tail(held: list[Sighting]) -> Iterator[Sighting]:
    """The rest of a run: the first of `held` is averaged already if they are as many as a span."""
    first = 1 if len(held) == SPAN else 0
    start = len(held) - SPAN  # negative in a run shorter than a span: it counts from the end
    for place in range(first, len(held)):
        held[place] = averaged(held[place], held[start:])
        yield held[place]


def averaged(sighting: Sighting, neighbours: list[Sighting]) -> Sighting:
    boxes = np.array([neighbour.box.array() for neighbour in neighbours]).astype(int)
    return replace(sighting, box=Box(*np.trunc(boxes.mean(axis=0)).tolist()))
