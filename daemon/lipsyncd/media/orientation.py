"""Upright: a decoded picture turned as its file says, as 8-bit YUV 4:2:0 of even size, tagged."""

import math
from dataclasses import dataclass

import av
import numpy as np

from lipsyncd.media.colour import KEPT, Colour
from lipsyncd.media.frame import planes_of

TINY = 16  # pixels


@dataclass(frozen=True)
class Orientation:
    """How a picture comes upright: mirrored left to right, then so many quarters to the left."""

    mirrored: bool = False
    turns: int = 0

    def applied(self, planes: np.ndarray) -> np.ndarray:
        """One plane (height, width), or several of one size (n, height, width)."""
        return np.rot90(planes[..., ::-1] if self.mirrored else planes, self.turns, axes=(-2, -1))


AS_IT_IS = Orientation()


def orientation_of(picture: av.VideoFrame) -> Orientation:
    """What the picture's matrix says, to the next quarter; where it cannot be read, its turn."""
    try:
        # PyAV's side data and their picture hold each other, for long; so a tiny copy's are read
        tiny = picture.reformat(TINY, TINY, interpolation="POINT")
        matrix = tiny.side_data.get("DISPLAYMATRIX")
    except (av.FFmpegError, ValueError):  # where there is EXIF, PyAV gives nothing
        return Orientation(turns=round(picture.rotation / 90) % 4)
    if matrix is None:
        return AS_IT_IS
    right_x, right_y, _, down_x, down_y = np.frombuffer(matrix, np.int32)[:5].tolist()
    mirrored = right_x * down_y < right_y * down_x
    side = -1 if mirrored else 1
    angle = math.atan2(side * right_y, side * right_x)
    return Orientation(mirrored, -round(angle / (math.pi / 2)) % 4)


def oriented_size(picture: av.VideoFrame, orientation: Orientation) -> tuple[int, int]:
    """Width and height of the picture once it is upright."""
    even = picture.width // 2 * 2, picture.height // 2 * 2
    return even[::-1] if orientation.turns % 2 else even


def oriented(
    picture: av.VideoFrame, colour: Colour, orientation: Orientation, size: tuple[int, int]
) -> av.VideoFrame:
    """The picture as the render wants it.  The usual one comes back as it is, not copied.

    One of another `size` (width, height), as there may be in the middle of a video, is scaled.
    """
    if not is_usual(picture):
        picture = converted(picture, colour, orientation)
    elif orientation != AS_IT_IS or picture.format.name != "yuv420p":
        picture = turned(picture, orientation)
    if (picture.width, picture.height) != size:
        picture = picture.reformat(*size)
    picture.colorspace = colour.matrix
    picture.color_range = colour.swing
    return picture


def is_usual(picture: av.VideoFrame) -> bool:
    """Whether its samples can be taken as they are, in even rows and columns from the top."""
    even = picture.width % 2 == picture.height % 2 == 0
    return picture.format.name in KEPT and even and picture.planes[0].line_size > 0


def turned(picture: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
    """The same samples, each plane brought upright."""
    planes = [orientation.applied(plane) for plane in planes_of(picture.to_ndarray())]
    samples = np.concatenate([plane.ravel() for plane in planes])
    return av.VideoFrame.from_ndarray(samples.reshape(-1, planes[0].shape[1]), "yuv420p")


def converted(picture: av.VideoFrame, colour: Colour, orientation: Orientation) -> av.VideoFrame:
    """Any other format; an odd last row or column is cut off (4:2:0 has none)."""
    full_chroma = picture.reformat(
        format="yuv444p",
        dst_colorspace=colour.matrix,
        src_color_range=picture.color_range,
        dst_color_range=colour.swing,
    )
    planes = orientation.applied(full_chroma.to_ndarray())
    even = planes[:, : planes.shape[1] // 2 * 2, : planes.shape[2] // 2 * 2]
    result = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), "yuv444p")
    result.colorspace = colour.matrix
    return result.reformat(
        format="yuv420p", src_color_range=colour.swing, dst_color_range=colour.swing
    )
