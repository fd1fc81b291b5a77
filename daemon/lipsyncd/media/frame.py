"""A frame: one decoded picture, upright, as YUV 4:2:0 of 8 bits, and the views taken of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import av
import numpy as np

THUMBNAIL = (18, 32)  # rows, columns
PEAKS = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 1023}  # the largest sample

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Frame:
    """A picture and its place in its source; `deep` is the same picture in 10 bits, where the
    result is to have them.  Both are the decoder's: never write to them."""

    index: int
    picture: av.VideoFrame
    deep: av.VideoFrame | None = None

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def width(self) -> int:
        return self.picture.width

    @property
    def final(self) -> "Frame":
        """The frame as the result has it: with samples of 8 or of 10 bits, uint8 or uint16."""
        return self if self.deep is None else Frame(self.index, self.deep)

    def planes(self) -> Planes:
        """Read-only views of Y (height, width), U and V (height / 2, width / 2), uint8; of a final
        frame uint16 where it has 10 bits."""
        for plane in (planes := planes_in(self.picture)):
            plane.flags.writeable = False
        y, u, v = planes
        return y, u, v

    def i420(self) -> np.ndarray:
        """A copy, (3 * height / 2, width) uint8, of 10 bits uint16: the Y plane, then U, then V."""
        return self.picture.to_ndarray()

    def edited(self, edit: Callable[[Planes], None]) -> "Frame":
        """Another frame, to whose planes something was done, in 8 bits and, if it has them, 10."""
        deep = None if self.deep is None else edited(self.deep, edit)
        return Frame(self.index, edited(self.picture, edit), deep)

    def bgr(self, width: int, height: int) -> np.ndarray:
        """The picture in another size, (height, width, 3) uint8."""
        swing = self.picture.color_range
        # one thread: they would stay as long as the frame does
        scaled = self.picture.reformat(
            width, height, "bgr24", interpolation="AREA", src_color_range=swing, threads=1
        )
        return scaled.to_ndarray()

    def thumbnail(self) -> np.ndarray:
        """Every so many-th luma sample, (18, 32) int16: enough to see a cut."""
        luma = self.planes()[0]
        rows = np.linspace(0, self.height - 1, THUMBNAIL[0]).astype(int)
        columns = np.linspace(0, self.width - 1, THUMBNAIL[1]).astype(int)
        return luma[np.ix_(rows, columns)].astype(np.int16)


def planes_in(picture: av.VideoFrame) -> list[np.ndarray]:
    """Views of a planar picture's samples, without the padding of their lines: uint8, or of more
    than 8 bits uint16."""
    kind = np.dtype(np.uint8 if picture.format.components[0].bits <= 8 else np.uint16)
    views = []
    for plane in picture.planes:
        samples: np.ndarray = np.frombuffer(cast(bytes, plane), kind)
        lines = samples.reshape(-1, plane.line_size // kind.itemsize)
        views.append(lines[: plane.height, : plane.width])
    return views


def picture_in(planes: Sequence[np.ndarray], form: str) -> av.VideoFrame:
    """A picture of a planar format with these samples, those of luma first."""
    height, width = planes[0].shape
    picture = av.VideoFrame(width, height, form)
    for view, plane in zip(planes_in(picture), planes, strict=True):
        view[:] = plane
    return picture


def planes_of(i420: np.ndarray) -> Planes:
    """Writable views of Y (height, width), U and V (height / 2, width / 2)."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    chroma = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], chroma[0], chroma[1]


def picture_of(i420: np.ndarray, like: Frame) -> av.VideoFrame:
    """An I420 array as a picture with the tags of the frame it was made from."""
    return tagged(av.VideoFrame.from_ndarray(i420, like.picture.format.name), like.picture)


def edited(picture: av.VideoFrame, edit: Callable[[Planes], None]) -> av.VideoFrame:
    samples = picture.to_ndarray()
    edit(planes_of(samples))
    return tagged(av.VideoFrame.from_ndarray(samples, picture.format.name), picture)


def tagged(picture: av.VideoFrame, like: av.VideoFrame) -> av.VideoFrame:
    picture.colorspace, picture.color_range = like.colorspace, like.color_range
    return picture


def store(samples: np.ndarray, values: np.ndarray) -> None:
    """Round values into samples of 8 or 10 bits, in place; what these cannot hold is cut off."""
    kept = np.clip(values, 0, PEAKS[samples.dtype])
    samples[:] = kept if kept.dtype == samples.dtype else np.rint(kept)
