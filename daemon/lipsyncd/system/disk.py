"""The disk: what its errors are called, the room on it, and how a change is made to last."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import (
    ConfigInvalid,
    DiskFailed,
    DiskFull,
    HostExhausted,
    LipsyncError,
    StorageError,
)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOLCK})
# Of the device, of the file system that found itself damaged, or of a server behind it.
BROKEN = frozenset(
    {
        errno.EIO,
        errno.EROFS,
        errno.ENXIO,
        errno.ENODEV,
        errno.EUCLEAN,
        errno.EBADMSG,
        errno.EREMOTEIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ENOLINK,
        errno.ENOTCONN,
    }
)


def named(error: BaseException, what: str = "the state") -> StorageError | None:
    """The error's name if the disk that holds `what`, or the machine, is to blame; else None.

    What tells of the files themselves (ENOENT, EACCES, EEXIST, ...) is not the disk's.
    """
    if isinstance(error, MemoryError):
        return exhausted("no memory")
    number = error.errno if isinstance(error, OSError) else None
    words = str(error.strerror) if isinstance(error, OSError) else ""
    # EFBIG: more than there was room for when the process was limited to that (RLIMIT_FSIZE)
    if number in FULL or number == errno.EFBIG:
        hint = "Try again once the operator has made room there."
        return DiskFull(f"The disk of {what} is full: {words}.", hint)
    if number in EXHAUSTED:
        return exhausted(words)
    if number in BROKEN:
        hint = "Ask the operator to look into the kernel's log, and try again after the repair."
        return DiskFailed(f"The disk of {what} failed: {words}.", hint)
    return None


def exhausted(words: str) -> HostExhausted:
    return HostExhausted(
        f"The daemon has come to a limit of the machine: {words}.",
        "Try again later, or ask the operator to raise LimitNOFILE= or MemoryMax= of the unit.",
    )


@contextmanager
def disk_named(what: str = "the state") -> Iterator[None]:
    """What fails in here because of the disk that holds `what`, or of the machine, has a name.

    Raises DiskFull, DiskFailed, HostExhausted; other errors come out as they are.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        if name := named(error, what):
            raise name from error
        raise


def unusable(what: str, error: OSError, hint: str) -> LipsyncError:
    """Why what the operator chose cannot be used: the disk, which may recover, or the choice.

    A file system that is read-only needs an operator, so it counts as the choice.
    """
    by_disk = None if error.errno == errno.EROFS else named(error, what)
    return by_disk or ConfigInvalid(f"{what} cannot be used: {error.strerror or error}.", hint)


def size_at(path: Path) -> int | None:
    """The bytes of the file at `path`, None if there is none; any other doubt is an OSError.

    Path.exists() takes some errors of the disk for an absence, which ones depends on the version.
    """
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def free_bytes(path: Path) -> int:
    """The room on the disk of `path` that is not reserved for root."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def sync(path: Path, folder: int | None = None) -> None:
    """Bring a file, or the names in a folder, to the disk for good.  Raises OSError.

    `folder`: a descriptor of where a relative path begins.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path, kept: tuple[str, ...] = ()) -> None:
    """A file, or a directory with all that is not kept; gone already is good as well.

    Raises OSError.
    """
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return path.unlink()
        for entry in list(path.iterdir()):
            if entry.name not in kept:
                remove(entry)
        if not kept:
            path.rmdir()
    except FileNotFoundError:
        pass
    return None
