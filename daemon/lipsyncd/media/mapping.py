"""Mapping: colours of a larger volume, HDR or of a wide gamut, as BT.709 shows them.

HDR is brought down by the curve of ITU-R BT.2390-11, section 5.4.1, on the largest of red, green
and blue, so that hues stay: from a display of 1000 cd/m2 to one whose white is that of BT.2408.
"""

from fractions import Fraction
from functools import cache
from typing import cast

import av
import numpy as np
from av.filter.context import FilterContext

from lipsyncd.media.colour import FULL, HLG, PQ, RGB

SRGB = 13  # a transfer characteristic of ITU-T H.273
PEAK, WHITE = 1000.0, 203.0  # cd/m2: of usual HDR displays, and diffuse white (ITU-R BT.2408)
DISPLAY_GAMMA = 2.4  # of ITU-R BT.1886
SYSTEM_GAMMA = 1.2  # of HLG at PEAK (ITU-R BT.2100, table 5)
FORM = "rgb48le"  # haldclut confuses the planes of planar ones
LEVEL = 8  # of a Hald image: its table has LEVEL ** 2 steps a side
STEPS = LEVEL**2

# x and y of red, green and blue by colour primaries (ITU-T H.273, table 2), all with white D65
CHROMATICITIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
D65 = (0.3127, 0.3290)


class Mapper:
    """libavfilter's haldclut with the table of one kind of pictures, for one reading of them."""

    def __init__(self, primaries: int, transfer: int) -> None:
        self._table = (primaries, transfer)
        self._size = (0, 0)

    def mapped(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture as R'G'B' of BT.709, of 16 bits."""
        rgb = picture.reformat(format=FORM, src_color_range=picture.color_range, threads=1)
        if (rgb.width, rgb.height) != self._size:
            self._size = (rgb.width, rgb.height)
            self._configure()
        rgb.pts, rgb.time_base = self._count, Fraction(1)
        self._count += 1
        self._pictures.push(rgb)
        result = cast(av.VideoFrame, self._results.pull())
        result.colorspace, result.color_range = RGB, FULL
        return result

    def _configure(self) -> None:
        self._count, graph = 0, av.filter.Graph()
        width, height = self._size
        self._pictures = buffer(graph, width, height)
        table = buffer(graph, STEPS * LEVEL, STEPS * LEVEL)
        haldclut, self._results = graph.add("haldclut", clut="first"), graph.add("buffersink")
        self._pictures.link_to(haldclut, 0, 0)
        table.link_to(haldclut, 0, 1)
        haldclut.link_to(self._results)
        graph.configure()
        table.push(hald_of(table_of(*self._table)))
        table.push(None)
        self._graph = graph


def buffer(graph: av.filter.Graph, width: int, height: int) -> FilterContext:
    """Where pictures come into a graph."""
    form = cast(av.VideoFormat, FORM)  # its name does as well
    return graph.add_buffer(width=width, height=height, format=form, time_base=Fraction(1))


def hald_of(table: np.ndarray) -> av.VideoFrame:
    """A table as the picture that haldclut takes it from."""
    samples = np.rint(table * 65535).astype(np.uint16).reshape(STEPS * LEVEL, STEPS * LEVEL, 3)
    picture = av.VideoFrame.from_ndarray(samples, FORM)
    picture.pts, picture.time_base = 0, Fraction(1)
    return picture


@cache
def table_of(primaries: int, transfer: int) -> np.ndarray:
    """(STEPS, STEPS, STEPS, 3) float64, by blue, green and red: R'G'B' of BT.709, all in 0..1.

    Primaries that are not known here are taken for those of BT.2020 in HDR, else of BT.709.
    """
    steps = np.linspace(0, 1, STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    signal = np.stack([red, green, blue], axis=-1)
    if transfer in (PQ, HLG):
        light = toned(pq_light(signal) if transfer == PQ else hlg_light(signal)) / WHITE
    else:
        light = srgb_light(signal) if transfer == SRGB else signal**DISPLAY_GAMMA
    if primaries not in CHROMATICITIES:
        primaries = 9 if transfer in (PQ, HLG) else 1
    light = np.clip(light @ to_bt709(primaries).T, 0, 1)
    return srgb_signal(light) if transfer == SRGB else light ** (1 / DISPLAY_GAMMA)


def toned(light: np.ndarray) -> np.ndarray:
    """RGB in cd/m2 (..., 3) up to WHITE: its largest goes by the curve, the others with it."""
    largest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    top, most = pq_signal(np.array(PEAK)), pq_signal(np.array(WHITE))
    whole = np.minimum(pq_signal(largest) / top, 1)
    limit = most / top
    knee = 1.5 * limit - 0.5
    t = np.maximum(whole - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * limit
    )
    curved = np.where(whole < knee, whole, spline)
    return light * (pq_light(curved * top) / largest)


HLG_CURVE = 0.17883277, 0.28466892, 0.55991073
HLG_LUMA = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020's primaries

# Of SMPTE ST 2084
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of a signal in 0..1."""
    root = signal ** (1 / M2)
    return 10000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1)


def pq_signal(light: np.ndarray) -> np.ndarray:
    """The signal in 0..1 of cd/m2."""
    root = (light / 10000) ** M1
    return ((C1 + C2 * root) / (1 + C3 * root)) ** M2


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of R'G'B' (..., 3) on a display of PEAK (ITU-R BT.2100, table 5)."""
    a, b, c = HLG_CURVE
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ HLG_LUMA
    return PEAK * luminance[..., None] ** (SYSTEM_GAMMA - 1) * scene


def hlg_signal(light: np.ndarray) -> np.ndarray:
    """The R'G'B' whose light, in cd/m2 (..., 3), that is."""
    a, b, c = HLG_CURVE
    shown = light / PEAK
    luminance = np.maximum(shown @ HLG_LUMA, 1e-9)
    scene = luminance[..., None] ** (1 / SYSTEM_GAMMA - 1) * shown
    bright = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


def srgb_light(signal: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, both ways."""
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def srgb_signal(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def to_bt709(primaries: int) -> np.ndarray:
    """(3, 3): linear RGB of BT.709 from that of other primaries."""
    return np.linalg.inv(to_xyz(1)) @ to_xyz(primaries)


def to_xyz(primaries: int) -> np.ndarray:
    """(3, 3): CIE XYZ from linear RGB, whose white has a Y of 1."""
    x, y = np.array(CHROMATICITIES[primaries]).T
    columns = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    white = np.array([D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]])
    return columns * np.linalg.solve(columns, white)
