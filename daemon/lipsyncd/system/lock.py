"""Locks: one daemon at a time, and none left over when it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import StateBusy
from lipsyncd.system.disk import unusable

FILE = os.O_RDWR | os.O_CREAT


@contextmanager
def locked_directory(path: Path, what: str) -> Iterator[None]:
    """Hold the file `lock` in it, as earlier versions do, and itself: the file may be deleted."""
    with locked(path / "lock", what), locked(path, what, os.O_DIRECTORY):
        yield


@contextmanager
def locked(path: Path, what: str, flags: int = FILE) -> Iterator[None]:
    """Hold the lock at `path`; StateBusy if another process does. `what` it guards, in words.

    The file stays: whoever removes a lock file lets two hold it.
    """
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(str(path), error, "Choose a place of your own.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateBusy(
                f"Another lipsyncd uses {what}.",
                "Stop it first, or give this one its own; if none runs, see systemd/README.md.",
            ) from None
        except OSError as error:
            if flags == FILE:  # NFS locks files alone
                raise unusable(what, error, "Choose a place of your own.") from error
        yield
    finally:
        os.close(descriptor)
