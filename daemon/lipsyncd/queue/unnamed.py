"""Files without a name: they are gone once nobody has them open, whichever process dies."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from lipsyncd.queue.snapshot import Inputs
from lipsyncd.system.disk import disk_named


@contextmanager
def unnamed(folder: Path) -> Iterator[BinaryIO]:
    """A new one on the disk of this folder, to be written.  Raises StorageError."""
    with ExitStack() as stack:
        with disk_named():
            file = stack.enter_context(TemporaryFile(dir=folder))
        yield file


@contextmanager
def copies(inputs: Inputs, folder: Path) -> Iterator[list[int]]:
    """Descriptors of copies of the inputs, which were examined; to be read in the block.

    Raises InputError, StorageError, InternalError.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(unnamed(folder)) for _ in range(inputs.count)]
        with disk_named():
            inputs.copy(*(each.fileno() for each in files))
            descriptors = list(map(read_only, files))
        for each in descriptors:
            stack.callback(os.close, each)
        yield descriptors


def read_only(file: BinaryIO) -> int:
    """Another descriptor of a file, which cannot be written through and stands at its beginning.

    Raises OSError.
    """
    return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
