"""Sway: a still whose picture moves a little, as somebody does who holds still and breathes."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import cv2
import numpy as np

from lipsyncd.media.frame import Frame, Planes, store

# How far, as a share of the picture, and how many seconds there and back: of its size, and of its
# place across and down.  It is enlarged by so much that its edges never come in.
MOTIONS = (0.0025, 4.1), (0.0012, 5.3), (0.0020, 3.7)
ENLARGED = 1.008


def swaying(frames: Iterable[Frame], rate: Fraction, start: int = 0) -> Iterator[Frame]:
    """The frames of one still from `start` on, moved by where they are in time; its samples are the
    seed."""
    phases: np.ndarray | None = None
    for number, frame in enumerate(frames, start):
        if phases is None:
            seed = int(np.sum(frame.planes()[0][::16, ::16], dtype=np.uint64))
            phases = np.random.default_rng(seed).uniform(0, math.tau, len(MOTIONS))
        yield moved(frame, float(number / rate), phases)


def moved(frame: Frame, seconds: float, phases: np.ndarray) -> Frame:
    """The frame as it is seen at a time."""
    size, across, down = (
        share * math.sin(math.tau * seconds / period + phase)
        for (share, period), phase in zip(MOTIONS, phases, strict=True)
    )

    def move(planes: Planes) -> None:
        for plane in planes:
            height, width = plane.shape
            scale = ENLARGED + size
            x = (1 - scale) * (width - 1) / 2 + across * width
            y = (1 - scale) * (height - 1) / 2 + down * height
            seen = cv2.warpAffine(
                plane,
                np.array([[scale, 0, x], [0, scale, y]]),
                (width, height),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REPLICATE,
            )
            store(plane, seen)

    return frame.edited(move)
