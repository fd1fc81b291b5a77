"""A lock file: one daemon at a time, and none left over when it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import StateBusy
from lipsyncd.host.disk import unusable


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock at `path`; StateBusy if another process does. `what` it guards, in words.

    The file stays: whoever removes a lock file lets two hold it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(str(path), error, "Choose a place of your own.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateBusy(
                f"Another lipsyncd uses {what}.", "Stop it first, or give this one its own."
            ) from None
        except OSError as error:
            raise unusable(what, error, "Choose a place of your own.") from error
        yield
    finally:
        os.close(descriptor)
