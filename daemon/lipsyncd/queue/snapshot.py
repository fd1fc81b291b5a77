"""A snapshot of a client's file: what may be taken, and how it is copied whole or not at all."""

import fcntl
import mmap
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from lipsyncd.errors import FileTooLarge, InputGone, NotAFile, UnreadableMedia

FICLONE = 0x40049409  # ioctl: share the blocks of another file (btrfs, xfs)
CHUNK = 1 << 20
STRIDE = 8 << 20  # bytes that the kernel copies before there is a sign of life
NOT_READABLE = os.O_WRONLY | os.O_PATH

Sign = Callable[[], None]  # of life
Kind = tuple[str, int]  # what a file is, for messages, and how many bytes it may have


class Inputs(Protocol):
    """The files that came with a request, in whatever process they are open."""

    count: int  # of the files

    def examine(self, most: Sequence[Kind]) -> int:
        """How many bytes `copy` would copy, if each is what it may be.

        Raises NotAFile, FileTooLarge, UnreadableMedia, InputStalled.
        """

    def copy(self, *targets: int) -> None:
        """Copy what was examined into new files, in the same order.

        Raises UnreadableMedia, InputGone, InputStalled, StorageError.
        """


class Opened:
    """Inputs that are open in this process; they stay the caller's to close."""

    def __init__(self, *files: int, sign: Sign = lambda: None) -> None:
        """`sign` is called whenever a part has been copied."""
        self.count = len(files)
        self._files = files
        self._sign = sign

    def examine(self, most: Sequence[Kind]) -> int:
        self._names, bounds = zip(*most, strict=True)
        self._found = [
            examined(*each) for each in zip(self._files, self._names, bounds, strict=True)
        ]
        return sum(found.st_size for found in self._found)

    def copy(self, *targets: int) -> None:
        orders = zip(self._files, targets, self._names, self._found, strict=True)
        for source, target, name, found in reversed(list(orders)):  # the largest last
            copy(source, target, name, found, self._sign)


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


def copy(
    source: int, target: int, name: str, found: os.stat_result, sign: Sign = lambda: None
) -> None:
    """Copy the file that was found behind a client's descriptor; InputGone if it has changed since.

    The copy is on its way to the disk, but not there for good.
    """
    if not _clone(source, target):
        _copy_range(source, target, found.st_size, sign)
        _copy_bytes(source, target, found.st_size, name, sign)
    is_whole = os.fstat(target).st_size == found.st_size
    if not is_whole or _version(source, name) != (found.st_size, found.st_mtime_ns):
        raise InputGone(f"The {name} changed while it was copied.", "Submit it again.")
    # starts to write: the first fsync then commits the blocks of both inputs, not one by one
    os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)


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


def _copy_range(source: int, target: int, size: int, sign: Sign) -> None:
    """Copy inside the kernel as far as it can."""
    copied = 0
    try:
        while count := os.copy_file_range(
            source, target, min(STRIDE, size - copied), copied, copied
        ):
            copied += count
            sign()
    except OSError:
        pass  # the copy through memory meets it again, and there one knows which file it was


def _copy_bytes(source: int, target: int, size: int, name: str, sign: Sign) -> None:
    """Copy what is left through memory.

    In whole chunks from where one begins, into memory at the beginning of a page: a descriptor that
    was opened with O_DIRECT gives nothing else.
    """
    copied = os.fstat(target).st_size
    with mmap.mmap(-1, CHUNK) as pages, memoryview(pages) as chunk:
        while copied < size:
            skipped = copied % CHUNK  # is there already
            with _blamed(name):
                got = os.preadv(source, [chunk], copied - skipped)
            with chunk[skipped : min(got, skipped + size - copied)] as wanted:
                if not wanted:
                    return  # it is shorter by now
                copied += os.pwrite(target, wanted, copied)
            sign()


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """What fails in here lies in the client's file, not in our disk."""
    try:
        yield
    except OSError as error:
        raise UnreadableMedia(
            f"The {name} cannot be read: {error.strerror}.", "Look at the disk it is on."
        ) from error
