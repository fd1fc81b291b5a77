"""Lips, drawn by hand: their edges in a crop, or seen through its place in a frame."""

import numpy as np

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.lips import Lips
from lipsyncd.face.warp import place_of

MIDDLE, HALF = (47.5, 72.0), 17.0  # of a mouth, in a crop: its middle, and half its width
OPEN = 5.0, 8.0  # pixels of the crop by which either lip's inner edge is away from the middle
OUTER, CORNER = (13.0, 13.0), 4.0  # likewise the outer ones, and how much farther their corners are
EYE = place_of(Box(0, 0, CROP, CROP))


def lips_of(
    opening: tuple[float, float] = OPEN,
    place: np.ndarray = EYE,
    outer: tuple[float, float] = OUTER,
) -> Lips:
    """The inner edges are parabolas, the outer ones halves of ellipses."""
    across, angles = np.linspace(-1, 1, 11), np.linspace(0, np.pi, 11)
    inner_columns = MIDDLE[0] + HALF * across
    outer_columns = MIDDLE[0] - (HALF + CORNER) * np.cos(angles)
    heights = (
        (outer_columns, -outer[0] * np.sin(angles)),
        (inner_columns, -opening[0] * (1 - across**2)),
        (inner_columns, opening[1] * (1 - across**2)),
        (outer_columns, outer[1] * np.sin(angles)),
    )
    edges = (np.column_stack([columns, MIDDLE[1] + height]) for columns, height in heights)
    return Lips(*edges).moved(place)
