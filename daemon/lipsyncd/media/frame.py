"""A frame: one decoded picture, upright, as 8-bit YUV 4:2:0, and the views taken of it."""

from dataclasses import dataclass

import av
import numpy as np

THUMBNAIL = (18, 32)  # rows, columns


@dataclass(frozen=True)
class Frame:
    """A picture and its place in its source.  The picture is the decoder's: never write to it."""

    index: int
    picture: av.VideoFrame

    @property
    def height(self) -> int:
        return self.picture.height

    @property
    def width(self) -> int:
        return self.picture.width

    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read-only views of Y (height, width), U and V (height / 2, width / 2), uint8."""
        return tuple(samples_of(plane) for plane in self.picture.planes)

    def i420(self) -> np.ndarray:
        """A copy, (3 * height / 2, width) uint8: the Y plane, then U, then V."""
        return self.picture.to_ndarray()

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
        luma = samples_of(self.picture.planes[0])
        rows = np.linspace(0, self.height - 1, THUMBNAIL[0]).astype(int)
        columns = np.linspace(0, self.width - 1, THUMBNAIL[1]).astype(int)
        return luma[np.ix_(rows, columns)].astype(np.int16)


def samples_of(plane: av.video.plane.VideoPlane) -> np.ndarray:
    """A read-only view of a plane's samples, without the padding of its lines."""
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]


def planes_of(i420: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Writable views of Y (height, width), U and V (height / 2, width / 2)."""
    height, width = i420.shape[0] * 2 // 3, i420.shape[1]
    chroma = i420[height:].reshape(2, height // 2, width // 2)
    return i420[:height], chroma[0], chroma[1]


def picture_of(i420: np.ndarray, like: Frame) -> av.VideoFrame:
    """An I420 array as a picture with the tags of the frame it was made from."""
    picture = av.VideoFrame.from_ndarray(i420, "yuv420p")
    picture.colorspace, picture.color_range = like.picture.colorspace, like.picture.color_range
    return picture
