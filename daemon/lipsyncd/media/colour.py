"""Colour: what a video's tags say, made certain, and the matrices between its YUV and BGR."""

from dataclasses import dataclass, replace
from functools import cached_property

import av
import numpy as np

RGB, BT709, UNSPECIFIED, BT601, BT2020 = 0, 1, 2, 6, 9  # code points of ITU-T H.273
PQ, HLG = 16, 18  # its transfer characteristics of HDR
HDR = {PQ: "PQ", HLG: "HLG"}
FULL, LIMITED = 2, 1  # libav's names for full swing (0..255) and studio swing (16..235)
KEPT = ("yuv420p", "yuvj420p")  # formats whose samples are never converted, in either swing,
KEPT_DEEP = "yuv420p10le"  # and where a result has 10 bits
HD_HEIGHT = 720  # untagged pictures this high are taken for BT.709, lower ones for BT.601

# Luma weights of red and blue by matrix coefficients (ITU-T H.273, table 4).
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


@dataclass(frozen=True)
class Colour:
    """H.273 code points, and the swing: never unspecified; `bits` of a sample are 8 or 10."""

    matrix: int
    primaries: int
    transfer: int
    swing: int
    bits: int = 8

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR

    @property
    def unit(self) -> int:
        """How many levels of a sample are one of 8 bits."""
        return 1 << self.bits - 8

    @cached_property
    def to_bgr(self) -> np.ndarray:
        """(3, 4) float64: B, G, R in 0..255 of Y, U, V, 1, as samples have them."""
        red, blue = LUMA_WEIGHTS[self.matrix]
        green = 1 - red - blue
        low, luma, chroma = (self.unit * level for level in (16, 219, 224))
        if self.swing == FULL:
            low, luma, chroma = 0, *(2 * [256 * self.unit - 1])
        analog = np.array(  # of Y in 0..1 and the colour differences in -0.5..0.5
            [
                [1, 2 * (1 - blue), 0],
                [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
                [1, 0, 2 * (1 - red)],
            ]
        )
        linear = 255 * analog / [luma, chroma, chroma]
        return np.column_stack([linear, -linear @ [low, *(2 * [128 * self.unit])]])

    @cached_property
    def from_bgr(self) -> np.ndarray:
        """(3, 4) float64: Y, U, V, as samples have them, of B, G, R in 0..255, 1."""
        inverse = np.linalg.inv(self.to_bgr[:, :3])
        return np.column_stack([inverse, -inverse @ self.to_bgr[:, 3]])


def colour_of(picture: av.VideoFrame) -> Colour:
    """What the picture's tags say, and where they are silent what players assume.

    RGB gets the matrix that goes with its primaries.
    """
    usual = BT709 if picture.height >= HD_HEIGHT else BT601
    if picture.colorspace == RGB and picture.color_primaries in LUMA_WEIGHTS:
        usual = int(picture.color_primaries)
    full = picture.color_range == FULL or picture.format.name == "yuvj420p"
    return Colour(
        matrix=int(picture.colorspace) if picture.colorspace in LUMA_WEIGHTS else usual,
        primaries=tagged(picture.color_primaries, usual),
        transfer=tagged(picture.color_trc, usual),
        swing=FULL if full and picture.format.name in KEPT else LIMITED,
    )


def deep_colour_of(picture: av.VideoFrame) -> Colour:
    """The same in 10 bits, whose swing is kept if the samples are; HDR is that of BT.2020 where its
    tags are silent."""
    is_full = picture.color_range == FULL and picture.format.name == KEPT_DEEP
    colour = replace(colour_of(picture), swing=FULL if is_full else LIMITED, bits=10)
    if not colour.is_hdr:
        return colour
    is_told = picture.colorspace in LUMA_WEIGHTS
    primaries = tagged(picture.color_primaries, BT2020)
    return replace(colour, matrix=colour.matrix if is_told else BT2020, primaries=primaries)


def is_deep(picture: av.VideoFrame) -> bool:
    """Whether its samples have more than 8 bits."""
    return not picture.format.has_palette and picture.format.components[0].bits > 8


def tagged(value: int, usual: int) -> int:
    return usual if value in (0, UNSPECIFIED) else int(value)
