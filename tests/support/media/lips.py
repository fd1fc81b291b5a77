"""Lips, drawn by hand: their edges in a crop, or seen through its place in a frame; and painted."""

import cv2
import numpy as np

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.lips import Lips
from lipsyncd.face.warp import inverted, place_of
from lipsyncd.media.frame import Frame
from support.media.synthetic import frame_of, textured

MIDDLE, HALF = (47.5, 72.0), 17.0  # of a mouth, in a crop: its middle, and half its width
OPEN = 5.0, 8.0  # pixels of the crop by which either lip's inner edge is away from the middle
OUTER, CORNER = (13.0, 13.0), 4.0  # likewise the outer ones, and how much farther their corners are
EYE = place_of(Box(0, 0, CROP, CROP))
WIDTH, HEIGHT = 320, 240  # of a frame with a mouth
SKIN, LIP, GAP, TEETH = (190, 150, 130), (165, 80, 85), (50, 15, 20), (250, 245, 240)
CORNERS = 5.0  # pixels of the crop beside either corner in which no teeth are seen


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


def in_crop(place: np.ndarray, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Where the samples of a plane are in the crop: across and down."""
    rows, columns = np.mgrid[: HEIGHT // step, : WIDTH // step] * step + (step - 1) / 2
    x, y = (a * columns + b * rows + c for a, b, c in inverted(place))
    return x, y


def painted_mouth(
    place: np.ndarray,
    opening: tuple[float, float] = OPEN,
    seed: int = 0,
    teeth: tuple[int, int, int] = TEETH,
) -> Frame:
    """A face of nothing but a mouth; below a bright row of teeth its opening is dark."""
    x, y = in_crop(place)
    arch = np.clip(1 - ((x - MIDDLE[0]) / HALF) ** 2, 0, 1)
    above, below = MIDDLE[1] - opening[0] * arch, MIDDLE[1] + opening[1] * arch
    rgb = np.full((HEIGHT, WIDTH, 3), SKIN, np.uint8)
    if seed:
        rgb = cv2.addWeighted(rgb, 0.7, textured(seed, WIDTH, HEIGHT), 0.3, 0)
    rgb[np.hypot((x - MIDDLE[0]) / (HALF + CORNER), (y - MIDDLE[1]) / OUTER[0]) < 1] = LIP
    rgb[(above < y) & (y < below)] = GAP
    row = (above < y) & (y < (above + below) / 2) & (np.abs(x - MIDDLE[0]) < HALF - CORNERS)
    rgb[row] = teeth
    return frame_of(cv2.GaussianBlur(rgb, (0, 0), 0.7))
