"""Mastering: what HDR says of the display it was graded on, and of its brightest pictures."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av

from lipsyncd.media.orientation import TINY

# As libav lays it out (AVMasteringDisplayMetadata): pairs of numerator and denominator, x and y of
# red, green, blue and white, the least and the most light; then whether these two groups are known
DISPLAY = struct.Struct("=20i2i")
LIGHT = struct.Struct("=2I")  # AVContentLightMetadata

Pair = tuple[float, float]


@dataclass(frozen=True)
class Mastering:
    """`display`: x and y of red, green, blue and white; and the most and the least light, in cd/m2
    (SMPTE ST 2086).  `light`: that of the brightest pixel, and of the brightest picture on average,
    in cd/m2 (CTA-861.3).  What is not said is None."""

    display: tuple[Pair, Pair, Pair, Pair, Pair] | None = None
    light: tuple[int, int] | None = None


def mastering_of(picture: av.VideoFrame) -> Mastering | None:
    """What comes with a picture; None if nothing does, or nothing that can be read."""
    try:
        # of a tiny copy: see orientation_of
        said = picture.reformat(TINY, TINY, interpolation="POINT").side_data
        display = display_in(said.get("MASTERING_DISPLAY_METADATA"))
        light = said.get("CONTENT_LIGHT_LEVEL")
        brightest = None if light is None else LIGHT.unpack_from(bytes(cast(bytes, light)))
    except (av.FFmpegError, ValueError, struct.error):
        return None
    return Mastering(display, brightest) if display or brightest else None


def display_in(said: object) -> tuple[Pair, Pair, Pair, Pair, Pair] | None:
    """The display, if it is told whole."""
    if said is None:
        return None
    *numbers, has_primaries, has_light = DISPLAY.unpack_from(bytes(cast(bytes, said)))
    tops, bottoms = numbers[::2], numbers[1::2]
    if not (has_primaries and has_light and all(bottoms)):
        return None
    values = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    red, green, blue, white = zip(values[0:8:2], values[1:8:2], strict=True)
    return red, green, blue, white, (values[9], values[8])


def of_x265(said: Mastering) -> Mapping[str, str]:
    """As x265 takes it: in parts of 1/50000 and of 1/10000 cd/m2."""
    display = said.display and written(said.display, "{:.0f}", 50000, 10000)
    return told({"master-display": display, "max-cll": pair(said.light)})


def of_av1(said: Mastering) -> Mapping[str, str]:
    """As SVT-AV1 takes it."""
    display = said.display and written(said.display, "{:.5f}", 1, 1)
    return told({"mastering-display": display, "content-light": pair(said.light)})


def told(found: Mapping[str, str | None]) -> Mapping[str, str]:
    return {name: words for name, words in found.items() if words}


def pair(light: tuple[int, int] | None) -> str | None:
    return light and "{},{}".format(*light)


def written(display: tuple[Pair, ...], form: str, unit: int, light: int) -> str:
    red, green, blue, white, most = (
        ",".join(form.format(scale * value) for value in pair)
        for scale, pair in zip((unit, unit, unit, unit, light), display, strict=True)
    )
    return f"G({green})B({blue})R({red})WP({white})L({most})"
