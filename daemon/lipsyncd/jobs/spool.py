"""Private copies of the inputs, and the results: a directory per job, nothing half-written seen.

Clients pass open files, never paths. What they passed is copied before a job is accepted, so
they may change or remove their files afterwards.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.config import Limits
from lipsyncd.errors import DiskFull, FileTooLarge, InputGone, NoResult, NotAFile
from lipsyncd.jobs.job import Paths, State

FICLONE = 0x40049409  # ioctl: share the blocks of another file (btrfs, xfs)
CHUNK = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_READABLE = os.O_WRONLY | os.O_PATH

INPUTS = frozenset({"face", "voice"})
RESULT = "result"
KEPT = {  # files that still have a use, by the state of their job; others may go
    State.QUEUED: INPUTS,
    State.RUNNING: INPUTS,
    State.SUCCEEDED: frozenset({RESULT}),
}


class Spool:
    """The files of all jobs, under one directory that belongs to the daemon alone.

    `limits` may be changed at any time.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self.limits = limits
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(directory.parent)

    def admit(self, job: str, face: int, voice: int) -> None:
        """Copy the files behind two descriptors, for good; on any failure nothing remains.

        Raises NotAFile, FileTooLarge, InputGone or DiskFull. The descriptors, and the client's
        position in them, are left as they are.
        """
        face_bytes = _size_of(face, "face", self.limits.max_face_bytes)
        voice_bytes = _size_of(voice, "voice", self.limits.max_voice_bytes)
        directory = self._directory / job
        with full_disk_named():
            directory.mkdir(mode=0o700)
        try:
            with full_disk_named():
                _copy(face, directory / "face", face_bytes)
                _copy(voice, directory / "voice", voice_bytes)
                _sync(directory)
                _sync(self._directory)
        except BaseException:
            self.discard(job)
            raise

    def paths(self, job: str) -> Paths:
        """Where a render finds the inputs and puts the result; InputGone if there is no input."""
        directory = self._directory / job
        for name in sorted(INPUTS):
            if not (directory / name).is_file():
                raise InputGone(f"The {name} is no longer in the spool.", "Submit the job again.")
        return Paths(directory / "face", directory / "voice", directory / RESULT)

    def seal(self, job: str) -> int:
        """Bring a result to the disk for good; its size in bytes."""
        directory = self._directory / job
        with full_disk_named():
            _sync(directory / RESULT)
            _sync(directory)
        return (directory / RESULT).stat().st_size

    def open_result(self, job: str) -> int:
        """A descriptor of the result that cannot be written through; the caller's to close."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._directory / job / RESULT, flags)
        except FileNotFoundError:
            raise NoResult("The result is no longer there.", "Submit the job again.") from None

    def discard(self, job: str) -> None:
        """Remove all files of a job."""
        _remove(self._directory / job)

    def tidy(self, job: str, state: State) -> None:
        """Remove the files that have no use once the job is in this state."""
        kept = KEPT.get(state)
        if kept is None:
            self.discard(job)
            return
        for entry in list((self._directory / job).iterdir()):
            if entry.name not in kept:
                _remove(entry)

    def sweep(self, states: Mapping[str, State]) -> None:
        """Remove what an earlier life left behind, given the state of every job there is."""
        for entry in list(self._directory.iterdir()):
            if entry.name in states:
                self.tidy(entry.name, states[entry.name])
            else:
                _remove(entry)


@contextmanager
def full_disk_named() -> Iterator[None]:
    """What fails for lack of room becomes DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFull(
            "The disk of the spool is full.", "Make room there and try again."
        ) from error


def _size_of(descriptor: int, name: str, most: int) -> int:
    """The size of the file behind a client's descriptor, if we may use it."""
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
    return found.st_size


def _copy(source: int, path: Path, size: int) -> None:
    """All `size` bytes of a descriptor, on disk for good."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    target = os.open(path, flags, 0o600)
    try:
        if not _clone(source, target):
            copied = _copy_range(source, target, size)
            _copy_bytes(source, target, copied, size)
        if os.fstat(target).st_size != size:
            raise InputGone(f"The {path.name} changed while it was copied.", "Submit it again.")
        os.fsync(target)
    finally:
        os.close(target)


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
    except OSError as error:
        if error.errno in FULL:
            raise
    return copied


def _copy_bytes(source: int, target: int, copied: int, size: int) -> None:
    """Copy what is left through memory."""
    while chunk := os.pread(source, min(CHUNK, size - copied), copied):
        copied += os.pwrite(target, chunk, copied)


def _remove(path: Path) -> None:
    """A file or a whole directory; gone already is good as well."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
