"""A spooled file by its descriptor: a render opens no path, and each reading has its own place.

Whoever hands the descriptors over learns of every piece that is read or written: a render that
moves none, and makes no progress, hangs.
"""

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Readable(Protocol):
    """What media are read from: a path, or a descriptor; each opening begins at the start."""

    def open(self, mode: str) -> BinaryIO:
        """A new reading.  Raises OSError."""


class Spooled:
    """A file behind a descriptor, which stays the caller's."""

    def __init__(self, descriptor: int, moved: Callable[[], None] = lambda: None) -> None:
        """`moved` is called for each piece that is read."""
        self._descriptor = descriptor
        self._moved = moved

    def open(self, mode: str) -> BinaryIO:
        """A new reading; `mode` is "rb"."""
        assert mode == "rb"
        return io.BufferedReader(Reading(self._descriptor, self._moved))


class Reading(io.RawIOBase):
    """One reading, at its own place."""

    def __init__(self, descriptor: int, moved: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._moved = moved
        self._place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Raises OSError."""
        count = os.preadv(self._descriptor, [buffer], self._place)
        self._place += count
        self._moved()
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Raises OSError for a place before the start."""
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}
        start = starts[whence] if whence in starts else os.fstat(self._descriptor).st_size
        if start + offset < 0:
            raise OSError(22, "Invalid argument")
        self._place = start + offset
        return self._place


def open_grown(descriptor: int, moved: Callable[[], None]) -> BinaryIO:
    """A file that the render makes, to write and to read; `moved` is called for each piece."""
    return io.BufferedRandom(Growing(descriptor, moved))


class Growing(io.FileIO):
    """A file that is written, then moved about in."""

    def __init__(self, descriptor: int, moved: Callable[[], None]) -> None:
        super().__init__(descriptor, "r+")
        self._moved = moved

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Raises OSError."""
        self._moved()
        return super().readinto(buffer)

    def write(self, content: "ReadableBuffer", /) -> int:
        """Raises OSError."""
        self._moved()
        return super().write(content)
