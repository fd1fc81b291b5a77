"""Upright: a decoded picture turned as its file says, as 8-bit YUV 4:2:0 of even size, tagged."""

import av
import numpy as np

from lipsyncd.media.colour import KEPT, Colour
from lipsyncd.media.frame import planes_of


def upright(picture: av.VideoFrame, colour: Colour) -> av.VideoFrame:
    """The picture as the render wants it.  The usual one comes back as it is, not copied."""
    turns = round(picture.rotation / 90) % 4
    if picture.format.name not in KEPT or picture.width % 2 or picture.height % 2:
        picture = converted(picture, colour, turns)
    elif turns or picture.format.name != "yuv420p":
        picture = turned(picture, turns)
    picture.colorspace = colour.matrix
    picture.color_range = colour.swing
    return picture


def turned(picture: av.VideoFrame, turns: int) -> av.VideoFrame:
    """The same samples, each plane turned counterclockwise by `turns` quarters."""
    planes = [np.rot90(plane, turns) for plane in planes_of(picture.to_ndarray())]
    samples = np.concatenate([plane.ravel() for plane in planes])
    return av.VideoFrame.from_ndarray(samples.reshape(-1, planes[0].shape[1]), "yuv420p")


def converted(picture: av.VideoFrame, colour: Colour, turns: int) -> av.VideoFrame:
    """Any other format; an odd last row or column is cut off (4:2:0 has none)."""
    full_chroma = picture.reformat(
        format="yuv444p",
        dst_colorspace=colour.matrix,
        src_color_range=picture.color_range,
        dst_color_range=colour.swing,
    )
    planes = np.rot90(full_chroma.to_ndarray(), turns, axes=(1, 2))
    even = planes[:, : planes.shape[1] // 2 * 2, : planes.shape[2] // 2 * 2]
    result = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), "yuv444p")
    result.colorspace = colour.matrix
    return result.reformat(
        format="yuv420p", src_color_range=colour.swing, dst_color_range=colour.swing
    )
