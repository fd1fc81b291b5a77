"""Conventions: how a checkpoint was trained to be fed."""

from dataclasses import dataclass

from lipsyncd.face.box import CROP


@dataclass(frozen=True)
class Conventions:
    """The defaults are those of the published files."""

    mel_offset_frames: int = 0  # frames (of 1/25 s) by which a window begins after its frame
    chin_share: float = 0.0  # the box's bottom moves down by this share of its height,
    chin_pixels: int = 10  # and by so many pixels
    side: int = CROP  # pixels of a crop and of a mouth
