"""A snapshot of a client's file: what may be taken, and how it is copied whole or not at all."""

import fcntl
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import FileTooLarge, InputGone, NotAFile, UnreadableMedia

FICLONE = 0x40049409  # ioctl: share the blocks of another file (btrfs, xfs)
CHUNK = 1 << 20
NOT_READABLE = os.O_WRONLY | os.O_PATH


def examined(descriptor: int, name: str, most: int) -> os.stat_result:
    """The file behind a client's descriptor, if it may be copied.

    Raises NotAFile, UnreadableMedia, or FileTooLarge if it has more than `most` bytes.
    """
    with _blamed(name):
        found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile(f"The {name} is not a regular file.", "Save it as a file and pass that.")
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & NOT_READABLE:
        raise NotAFile(f"The {name} was not opened for reading.", "Open it for reading.")
    if found.st_size > most:
        raise FileTooLarge(
            f"The {name} has {found.st_size} bytes, and {most} is the limit.",
            "Cut it, or ask the operator for a higher limit.",
        )
    return found


def copy(source: int, path: Path, found: os.stat_result) -> None:
    """Copy the file that was found behind a client's descriptor; InputGone if it has changed since.

    The copy is on its way to the disk, but not there for good.
    """
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if not _clone(source, target):
            copied = _copy_range(source, target, found.st_size)
            _copy_bytes(source, target, copied, found.st_size, path.name)
        is_whole = os.fstat(target).st_size == found.st_size
        if not is_whole or _version(source, path.name) != (found.st_size, found.st_mtime_ns):
            raise InputGone(f"The {path.name} changed while it was copied.", "Submit it again.")
        # starts to write: the first fsync then commits the blocks of both inputs, not one by one
        os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(target)


def _version(source: int, name: str) -> tuple[int, int]:
    with _blamed(name):
        found = os.fstat(source)
    return found.st_size, found.st_mtime_ns


def _clone(source: int, target: int) -> bool:
    """Share the blocks, where the file system can."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def _copy_range(source: int, target: int, size: int) -> int:
    """Copy inside the kernel as far as it can; how many bytes that was."""
    copied = 0
    try:
        while count := os.copy_file_range(source, target, size - copied, copied, copied):
            copied += count
    except OSError:
        pass  # the copy through memory meets it again, and there one knows which file it was
    return copied


def _copy_bytes(source: int, target: int, copied: int, size: int, name: str) -> None:
    """Copy what is left through memory.

    In whole chunks from where one begins, into memory at the beginning of a page: a descriptor that
    was opened with O_DIRECT gives nothing else.
    """
    with mmap.mmap(-1, CHUNK) as pages, memoryview(pages) as chunk:
        while copied < size:
            skipped = copied % CHUNK  # is there already
            with _blamed(name):
                got = os.preadv(source, [chunk], copied - skipped)
            with chunk[skipped : min(got, skipped + size - copied)] as wanted:
                if not wanted:
                    return  # it is shorter by now
                copied += os.pwrite(target, wanted, copied)


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """What fails in here lies in the client's file, not in our disk."""
    try:
        yield
    except OSError as error:
        raise UnreadableMedia(
            f"The {name} cannot be read: {error.strerror}.", "Look at the disk it is on."
        ) from error
