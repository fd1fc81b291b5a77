"""An exchange: memory that a render and a device share, for one batch of inputs and its mouths.

The device makes it, of a size that nobody can change any more, so that no reading of it can end the
device; what is in it is the render's alone, and copied before it is used.
"""

import fcntl
import math
import mmap
import os

import numpy as np

from lipsyncd.media.mel import BANDS, WINDOW

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Exchange:
    """Arrays of `rows` rows over the memory behind a descriptor, which stays the caller's.

    crops and references (rows, side, side, 3) uint8 BGR, windows (rows, 80, 16) float32, mouths
    (rows, side, side, 3) float32 BGR, of which lower halves (side / 2, side, 3) take the first
    half.
    """

    def __init__(self, descriptor: int, rows: int, side: int) -> None:
        """`side`: that of the generator's crops, in pixels."""
        self.rows, self._side = rows, side
        self._memory = mmap.mmap(descriptor, size_of(rows, side))
        place = 0
        for name, (shape, kind) in fields_of(side).items():
            count = rows * math.prod(shape)
            array: np.ndarray = np.frombuffer(self._memory, kind, count, place)
            array = array.reshape(rows, *shape)
            setattr(self, name, array)
            place += array.nbytes

    crops: np.ndarray
    references: np.ndarray
    windows: np.ndarray
    mouths: np.ndarray

    def halves(self) -> np.ndarray:
        """The mouths' memory as lower halves, (rows, side / 2, side, 3)."""
        half = self.mouths.reshape(-1)[: self.mouths.size // 2]
        return half.reshape(-1, self._side // 2, self._side, 3)


def fields_of(side: int) -> dict[str, tuple[tuple[int, ...], type]]:
    """What there is of each row: shape and type."""
    return {
        "crops": ((side, side, 3), np.uint8),
        "references": ((side, side, 3), np.uint8),
        "windows": ((BANDS, WINDOW), np.float32),
        "mouths": ((side, side, 3), np.float32),
    }


def size_of(rows: int, side: int) -> int:
    """Bytes."""
    fields = fields_of(side).values()
    return rows * sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in fields)


def new_memory(rows: int, side: int) -> int:
    """A descriptor of memory for so many rows, its size sealed."""
    descriptor = os.memfd_create("lipsyncd-exchange", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size_of(rows, side))
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    return descriptor
