"""Warps between a box of a plane and a patch of another size, by the same matrix both ways.

A plane is one channel of a frame; chroma planes have half its size (`subsampling` 2).  Boxes are in
pixels of the frame, at sub-pixel places, and may reach beyond its edges.
"""

import math

import cv2
import numpy as np

from lipsyncd.face.box import Box

AREA_FROM = 2.0  # plane samples per patch pixel from which on samples are averaged first


def matrix_of(box: Box, shape: tuple[int, ...], subsampling: int) -> np.ndarray:
    """(2, 3) float64: from pixel centres of a patch of `shape` to those of the box's plane."""
    x = box.width / shape[1] / subsampling
    y = box.height / shape[0] / subsampling
    left, top = box.left / subsampling, box.top / subsampling
    return np.array([[x, 0, left + x / 2 - 0.5], [0, y, top + y / 2 - 0.5]])


def touched(plane: np.ndarray, box: Box, subsampling: int) -> tuple[slice, slice]:
    """The rows and columns of a plane that the box touches, at least one of each."""
    height, width = plane.shape
    left, top = math.floor(box.left / subsampling), math.floor(box.top / subsampling)
    right, bottom = math.ceil(box.right / subsampling), math.ceil(box.bottom / subsampling)
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    rows = slice(top, min(max(bottom, top + 1), height))
    return rows, slice(left, min(max(right, left + 1), width))


def gather(plane: np.ndarray, box: Box, side: int, subsampling: int) -> np.ndarray:
    """The box of a uint8 plane as a (side, side) patch; beyond the edges these are repeated."""
    rows, columns = touched(plane, box, subsampling)
    region = plane[rows, columns]
    matrix = matrix_of(box, (side, side), subsampling)
    matrix[:, 2] -= (columns.start, rows.start)
    if min(matrix[0, 0], matrix[1, 1]) >= AREA_FROM:
        region, matrix = averaged(region, matrix)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        region, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def averaged(region: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The region made about as small as the patch, and the matrix from the patch to it."""
    size = np.array(region.shape[::-1])
    small = np.maximum(1, np.round(size / matrix.diagonal())).astype(int)
    factor = (small / size)[:, None]
    matrix = matrix * factor
    matrix[:, 2:] += factor / 2 - 0.5
    return cv2.resize(region, small.tolist(), interpolation=cv2.INTER_AREA), matrix


def enlarge(
    patch: np.ndarray, plane: np.ndarray, box: Box, subsampling: int, interpolation: int
) -> np.ndarray:
    """A float32 patch, (h, w) or (h, w, channels), at the size of what the box touches."""
    rows, columns = touched(plane, box, subsampling)
    matrix = matrix_of(box, patch.shape, subsampling)
    matrix[:, 2] -= (columns.start, rows.start)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    return cv2.warpAffine(patch, matrix, size, flags=interpolation)
