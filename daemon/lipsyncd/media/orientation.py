"""Upright: a decoded picture turned as its file says, as YUV 4:2:0 of even size, tagged."""

import math
from dataclasses import dataclass
from typing import cast

import av
import numpy as np

from lipsyncd.media.colour import KEPT, KEPT_DEEP, Colour
from lipsyncd.media.frame import picture_in, planes_in

TINY = 16  # pixels
FORMS = {8: ("yuv420p", "yuv444p"), 10: (KEPT_DEEP, "yuv444p10le")}  # of libav, by bits


@dataclass(frozen=True)
class Orientation:
    """How a picture comes upright: mirrored left to right, then so many quarters to the left."""

    mirrored: bool = False
    turns: int = 0

    def applied(self, plane: np.ndarray) -> np.ndarray:
        """A plane, (height, width)."""
        return np.rot90(plane[:, ::-1] if self.mirrored else plane, self.turns)


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
    right_x, right_y, _, down_x, down_y = np.frombuffer(cast(bytes, matrix), np.int32)[:5].tolist()
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
    """The picture in the form of a colour.  The usual one comes back as it is, not copied.

    One of another `size` (width, height), as there may be in the middle of a video, is scaled.
    """
    form, full_chroma = FORMS[colour.bits]
    if not is_usual(picture, (form,) if colour.bits > 8 else KEPT):
        picture = converted(picture, colour, orientation, full_chroma)
    elif orientation != AS_IT_IS or picture.format.name != form:
        picture = turned(picture, orientation, form)
    if (picture.width, picture.height) != size:
        picture = picture.reformat(*size)
    picture.colorspace = colour.matrix
    picture.color_range = colour.swing
    return picture


def is_usual(picture: av.VideoFrame, forms: tuple[str, ...]) -> bool:
    """Whether it is in one of these, and its samples can be taken as they are, in even rows and
    columns from the top."""
    even = picture.width % 2 == picture.height % 2 == 0
    return picture.format.name in forms and even and picture.planes[0].line_size > 0


def turned(picture: av.VideoFrame, orientation: Orientation, form: str) -> av.VideoFrame:
    """The same samples, each plane brought upright."""
    return picture_in([orientation.applied(plane) for plane in planes_in(picture)], form)


def converted(
    picture: av.VideoFrame, colour: Colour, orientation: Orientation, full_chroma: str
) -> av.VideoFrame:
    """Any other format, by one with as much chroma as luma; an odd last row or column is cut off
    (4:2:0 has none)."""
    full = picture.reformat(
        format=full_chroma,
        dst_colorspace=colour.matrix,
        src_color_range=picture.color_range,
        dst_color_range=colour.swing,
    )
    planes = [orientation.applied(plane) for plane in planes_in(full)]
    height, width = (side // 2 * 2 for side in planes[0].shape)
    result = picture_in([plane[:height, :width] for plane in planes], full_chroma)
    result.colorspace = colour.matrix
    return result.reformat(
        format=FORMS[colour.bits][0], src_color_range=colour.swing, dst_color_range=colour.swing
    )
