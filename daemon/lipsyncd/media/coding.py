"""Coding: colours as faces are seen in, R'G'B' of 8 bits, made samples of the result.

Where that is HDR, what mapping.py did to it is undone: by the inverse of the curve, with the white
of SDR where BT.2408 has it.
"""

from collections.abc import Callable

import cv2
import numpy as np

from lipsyncd.media.colour import BT2020, HLG, Colour
from lipsyncd.media.mapping import (
    CHROMATICITIES,
    DISPLAY_GAMMA,
    PEAK,
    WHITE,
    hlg_signal,
    pq_signal,
    to_bt709,
    toned,
)

Coder = Callable[[np.ndarray], np.ndarray]
STEPS = 1024  # of the curve


def coder_of(colour: Colour) -> Coder:
    """What makes samples of a colour from pixels: (h, w, 3) float32, of BGR in 0..255 as Y, U, V.

    What HDR has of the pixels is cut off at 0 and 255: there is no more to be seen of it.
    """
    matrix = colour.from_bgr.astype(np.float32)
    if not colour.is_hdr:
        return lambda bgr: cv2.transform(bgr, matrix)
    primaries = colour.primaries if colour.primaries in CHROMATICITIES else BT2020
    from_bt709 = np.linalg.inv(to_bt709(primaries)).astype(np.float32)
    signal_of = hlg_signal if colour.transfer == HLG else pq_signal
    mapped, bright = curve()

    def coded(bgr: np.ndarray) -> np.ndarray:
        shown = np.clip(bgr[..., ::-1] / np.float32(255), 0, 1) ** np.float32(DISPLAY_GAMMA)
        light = WHITE * np.maximum(cv2.transform(shown, from_bt709), 0)
        largest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
        signal = signal_of(light * (np.interp(largest, mapped, bright) / largest))
        return cv2.transform((255 * signal[..., ::-1]).astype(np.float32), matrix)

    return coded


def curve() -> tuple[np.ndarray, np.ndarray]:
    """What SDR has of the light of HDR, and this, in cd/m2: both rise."""
    bright = PEAK * np.linspace(0, 1, STEPS) ** 4
    return toned(np.repeat(bright[:, None], 3, axis=1))[:, 0], bright
