"""Blending: what the render asks of each way to put a new mouth into a frame.

Each way is a file: transfer.py, soft.py, reference.py.
"""

from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np

from lipsyncd.face.neutral import NeutralFace
from lipsyncd.face.track import Seen
from lipsyncd.media.frame import Frame


@dataclass(frozen=True)
class Asked:
    """What the generator is asked for one face, and what it takes to put its answer in place.

    `crop` and `reference`: (side, side, 3) uint8 BGR, as many pixels as the generator wants.
    `place`: where the crop is in the frame, as if it had 96.
    `calmed`: how far the reference is a calmer mouth than the crop's, 0 to 1.
    """

    seen: Seen
    place: np.ndarray
    crop: np.ndarray
    reference: np.ndarray
    neutral: NeutralFace | None = None
    calmed: float = 0.0


class Blend(Protocol):
    """What the render asks of each way.  `lower`: it shows only the lower half of a mouth.

    One thread may ask while another pastes.
    """

    lower: bool

    def ask(self, frame: Frame, seen: Seen) -> Asked:
        """What to ask the generator for a face in a frame."""
        ...

    def canvas(self, frame: Frame) -> np.ndarray:
        """A copy of the frame's samples to paste into."""
        ...

    def paste(self, canvas: np.ndarray, frame: Frame, asked: Asked, mouth: np.ndarray) -> None:
        """Put the answer, (side or half of it, side, 3) float32 BGR in 0..255, into a canvas of
        its frame."""
        ...

    def picture(self, canvas: np.ndarray, frame: Frame) -> av.VideoFrame:
        """The canvas as a picture, with the tags of its frame."""
        ...
