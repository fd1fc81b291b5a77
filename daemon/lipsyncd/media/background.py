"""Background: the one colour that is seen behind what is transparent."""

import av
import numpy as np

from lipsyncd.media.colour import FULL, RGB

NAMED = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "green": (0, 177, 64),  # of a green screen
}
SOLID = 255  # of 0..255: nothing is seen through it

Shade = tuple[int, int, int]  # red, green, blue


def shade_of(background: str) -> Shade:
    """Of one of NAMED, or #RRGGBB."""
    if background in NAMED:
        return NAMED[background]
    red, green, blue = bytes.fromhex(background.removeprefix("#"))
    return red, green, blue


def has_alpha(picture: av.VideoFrame) -> bool:
    """Whether its format says how transparent a pixel is; that of a palette says it by colour."""
    form = picture.format
    return form.has_palette or any(component.is_alpha for component in form.components)


def is_solid(picture: av.VideoFrame) -> bool:
    """Whether nothing in it is transparent."""
    return not has_alpha(picture) or rgba_of(picture)[..., 3].min() == SOLID


def laid_on(picture: av.VideoFrame, shade: Shade) -> av.VideoFrame:
    """The picture on a colour; R'G'B' of full swing.  What has no alpha comes back as it is."""
    if not has_alpha(picture):
        return picture
    rgba = rgba_of(picture)
    alpha = rgba[..., 3].astype(np.uint16)
    for channel, behind in enumerate(shade):
        seen = alpha * rgba[..., channel] + (SOLID - alpha) * behind + SOLID // 2
        rgba[..., channel] = seen // SOLID
    result = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgba[..., :3]), "rgb24")
    result.colorspace, result.color_range = RGB, FULL
    result.color_primaries, result.color_trc = picture.color_primaries, picture.color_trc
    return result


def rgba_of(picture: av.VideoFrame) -> np.ndarray:
    """(height, width, 4) uint8, of full swing."""
    swing = picture.color_range
    return picture.reformat(format="rgba", src_color_range=swing, threads=1).to_ndarray()
