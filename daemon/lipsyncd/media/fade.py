"""Fades: a picture on its way from one to another."""

import av
import numpy as np

from lipsyncd.media.frame import planes_in


def between(old: av.VideoFrame, new: av.VideoFrame, share: float) -> av.VideoFrame:
    """A picture `share`, 0 to 1, of the way from one to another of the same planar YUV format and
    size.  Where both are the same, so is it."""
    if share in (0, 1):
        return new if share else old
    picture = av.VideoFrame(new.width, new.height, new.format.name)
    views = map(planes_in, (picture, old, new))
    for place, before, after in zip(*views, strict=True):
        way = after.astype(np.float32) - before
        place[:] = np.rint(before + np.float32(share) * way)
    return picture
