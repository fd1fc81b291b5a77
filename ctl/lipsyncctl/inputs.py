"""The face and the voice: opened here, with the rights of the person who typed the command."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from lipsyncd.errors import NotAFile, UnreadableMedia

# O_NONBLOCK: opening a pipe must end in our message, not in waiting for its writer.
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


@contextmanager
def open_input(path: str) -> Iterator[int]:
    """A descriptor of the regular file at `path`. Raises an InputError that names it."""
    try:
        descriptor = os.open(path, FLAGS)
    except OSError as error:
        raise UnreadableMedia(
            f"{path} cannot be opened: {error.strerror}.", "Check its name and its permissions."
        ) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise NotAFile(f"{path} is a folder.", "Name a file in it.")
        if not stat.S_ISREG(mode):
            raise NotAFile(f"{path} is not a regular file.", "Save what it holds to a file first.")
        yield descriptor
    finally:
        os.close(descriptor)
