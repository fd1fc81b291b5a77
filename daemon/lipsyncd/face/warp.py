"""Warps between a crop and a plane, by the same matrix both ways.

A place is a (2, 3) float64 matrix: from pixel centres of a crop of 96 pixels to those of a frame's
luma, at sub-pixel places and perhaps beyond its edges.  A plane is one channel of a frame; chroma
planes have half its size (`subsampling` 2).
"""

import math

import cv2
import numpy as np

from lipsyncd.face.box import CROP, Box
from lipsyncd.media.frame import Frame

SUBSAMPLING = (1, 2, 2)  # of Y, U, V
AREA_FROM = 2.0  # plane samples per patch pixel from which on samples are averaged first


def place_of(box: Box) -> np.ndarray:
    """The place of a crop that is an upright box."""
    x, y = box.width / CROP, box.height / CROP
    return np.array([[x, 0, box.left + x / 2 - 0.5], [0, y, box.top + y / 2 - 0.5]])


def finer(side: int) -> np.ndarray:
    """From the pixel centres of a crop of `side` pixels to those of one of CROP."""
    scale = CROP / side
    return np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])


def chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """First `inner`, then `outer`; all are (2, 3)."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def inverted(matrix: np.ndarray) -> np.ndarray:
    return cv2.invertAffineTransform(matrix)


def in_plane(place: np.ndarray, subsampling: int) -> np.ndarray:
    """A place as it is in a plane: from a crop's pixel centres to the plane's."""
    matrix = place / subsampling
    matrix[:, 2] += 0.5 / subsampling - 0.5
    return matrix


def from_pixel(matrix: np.ndarray, left: float, top: float) -> np.ndarray:
    """The same for a patch of the crop, whose first pixel is this one."""
    return chained(matrix, np.array([[1.0, 0, left], [0, 1, top]]))


def touched(plane: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of a plane that a patch of `size` (columns, rows) touches, at least one
    of each."""
    ends = np.array([[-0.5, -0.5, 1], [size[0] - 0.5, -0.5, 1], [-0.5, size[1] - 0.5, 1]])
    corner, right, down = ends @ matrix.T
    corners = np.array([corner, right, down, right + down - corner]) + 0.5
    height, width = plane.shape
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
    beyond = np.ceil(corners.max(axis=0)).astype(int)
    rows = slice(int(top), min(max(int(beyond[1]), int(top) + 1), height))
    return rows, slice(int(left), min(max(int(beyond[0]), int(left) + 1), width))


def moved(matrix: np.ndarray, region: tuple[slice, slice]) -> np.ndarray:
    """A matrix into a plane as one into a region of it."""
    matrix = matrix.copy()
    matrix[:, 2] -= (region[1].start, region[0].start)
    return matrix


def gather(
    plane: np.ndarray, matrix: np.ndarray, size: tuple[int, int] = (CROP, CROP)
) -> np.ndarray:
    """A patch of a plane, of `size` (columns, rows); beyond the edges these are repeated."""
    region = touched(plane, matrix, size)
    samples, matrix = plane[region], moved(matrix, region)
    scale = min(math.hypot(*matrix[:, 0]), math.hypot(*matrix[:, 1]))
    if scale >= AREA_FROM:
        samples, matrix = averaged(samples, matrix, scale)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(samples, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def crop_of(frame: Frame, place: np.ndarray, side: int = CROP) -> np.ndarray:
    """(side, side, 3) of the frame's samples: Y, U, V of the crop at a place, or of one of another
    size at its."""
    planes = zip(frame.planes(), SUBSAMPLING, strict=True)
    return cv2.merge([gather(plane, in_plane(place, each), (side, side)) for plane, each in planes])


def reduced(crop: np.ndarray) -> np.ndarray:
    """A crop of any side, or its lower half, with the pixels of one of CROP."""
    rows, columns = crop.shape[:2]
    return cv2.resize(crop, (CROP, rows * CROP // columns), interpolation=cv2.INTER_AREA)


def averaged(
    samples: np.ndarray, matrix: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """The samples made smaller by about the scale, and the matrix to them."""
    size = np.array(samples.shape[::-1])
    small = np.maximum(1, np.round(size / scale)).astype(int)
    factor = (small / size)[:, None]
    matrix = matrix * factor
    matrix[:, 2:] += factor / 2 - 0.5
    return cv2.resize(samples, small.tolist(), interpolation=cv2.INTER_AREA), matrix


def spread(
    patch: np.ndarray, matrix: np.ndarray, region: tuple[slice, slice], interpolation: int
) -> np.ndarray:
    """A float32 patch, (h, w) or (h, w, at most 4), as it lies over a region of a plane."""
    size = (region[1].stop - region[1].start, region[0].stop - region[0].start)
    return cv2.warpAffine(patch, moved(matrix, region), size, flags=interpolation)
