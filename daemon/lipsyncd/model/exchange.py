"""An exchange: memory that a render and a device share, for one batch of inputs and its mouths.

The device makes it, of a size that nobody can change any more, so that no reading of it can end the
device; what is in it is the render's alone, and copied before it is used.
"""

import fcntl
import math
import mmap
import os

import numpy as np

from lipsyncd.face.box import CROP
from lipsyncd.media.mel import BANDS, WINDOW

FIELDS = {  # of one row
    "crops": ((CROP, CROP, 3), np.uint8),
    "references": ((CROP, CROP, 3), np.uint8),
    "windows": ((BANDS, WINDOW), np.float32),
    "mouths": ((CROP, CROP, 3), np.float32),
}
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Exchange:
    """Arrays of `rows` rows over the memory behind a descriptor, which stays the caller's.

    crops and references (rows, 96, 96, 3) uint8 BGR, windows (rows, 80, 16) float32, mouths
    (rows, 96, 96, 3) float32 BGR, of which lower halves (48, 96, 3) take the first half.
    """

    def __init__(self, descriptor: int, rows: int) -> None:
        self.rows = rows
        self._memory = mmap.mmap(descriptor, size_of(rows))
        place = 0
        for name, (shape, kind) in FIELDS.items():
            count = rows * math.prod(shape)
            array = np.frombuffer(self._memory, kind, count, place).reshape(rows, *shape)
            setattr(self, name, array)
            place += array.nbytes

    crops: np.ndarray
    references: np.ndarray
    windows: np.ndarray
    mouths: np.ndarray

    def halves(self) -> np.ndarray:
        """The mouths' memory as lower halves, (rows, 48, 96, 3)."""
        return self.mouths.reshape(-1)[: self.mouths.size // 2].reshape(-1, CROP // 2, CROP, 3)


def size_of(rows: int) -> int:
    """Bytes."""
    return rows * sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in FIELDS.values())


def new_memory(rows: int) -> int:
    """A descriptor of memory for so many rows, its size sealed."""
    descriptor = os.memfd_create("lipsyncd-exchange", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size_of(rows))
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    return descriptor
