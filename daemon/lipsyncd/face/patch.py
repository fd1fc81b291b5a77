"""Patches: copies of the lower face in each plane of a frame, from which a mouth is taken."""

from dataclasses import dataclass

import numpy as np

from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.warp import SUBSAMPLING, from_pixel, in_plane, moved, touched
from lipsyncd.media.frame import Frame

MARGIN = 14  # pixels of the crop around it, from where a mouth may be taken as well
KEPT = (CROP + 2 * MARGIN, HALF + 2 * MARGIN)  # columns and rows of the crop around the lower half


@dataclass(frozen=True)
class Patch:
    """Samples of one plane, and the matrix from the crop's pixel centres to theirs."""

    samples: np.ndarray
    matrix: np.ndarray


def patches_of(frame: Frame, place: np.ndarray) -> tuple[Patch, ...]:
    """Copies of what a mouth may be taken from, of a final frame."""
    made = []
    for plane, each in zip(frame.planes(), SUBSAMPLING, strict=True):
        matrix = in_plane(place, each)
        region = touched(plane, from_pixel(matrix, -MARGIN, HALF - MARGIN), KEPT)
        made.append(Patch(plane[region].copy(), moved(matrix, region)))
    return tuple(made)
