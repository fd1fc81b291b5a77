"""System calls on chosen files of a program fail: builds syscalls.c, and controls it."""

import ctypes
import errno
import mmap
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from pathlib import Path

FOR_EVER = 1 << 62  # calls in a row
SOURCE = Path(__file__).with_suffix(".c")
MOST_KINDS, MOST_ERRORS, MOST_RECORDS, MOST_PATH = 32, 8, 256, 240  # as syscalls.c has them


class Kind(IntEnum):
    """What may fail; in the order of syscalls.c."""

    OPEN = 0  # of what is there
    CREATE = auto()  # open with O_CREAT
    READ = auto()
    WRITE = auto()
    PREAD = auto()
    PWRITE = auto()
    MMAP = auto()
    STAT = auto()  # by a path: stat, lstat, fstatat, access
    FSTAT = auto()
    STATVFS = auto()
    OPENDIR = auto()
    READDIR = auto()
    RENAME = auto()
    UNLINK = auto()
    MKDIR = auto()
    RMDIR = auto()
    LINK = auto()
    FSYNC = auto()  # and fdatasync
    TRUNCATE = auto()
    LOCK = auto()  # flock, and fcntl's
    COPY = auto()  # copy_file_range, sendfile


EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
FULL = (errno.ENOSPC, errno.EDQUOT)
ERRORS: dict[Kind, tuple[int, ...]] = {  # that a healthy program meets on a disk that is not
    Kind.OPEN: (errno.EIO, *EXHAUSTED),
    Kind.CREATE: (errno.EIO, *EXHAUSTED, *FULL, errno.EROFS),
    Kind.READ: (errno.EIO, errno.ENOMEM),
    Kind.WRITE: (errno.EIO, errno.ENOMEM, *FULL),
    Kind.PREAD: (errno.EIO, errno.ENOMEM),
    Kind.PWRITE: (errno.EIO, errno.ENOMEM, *FULL),
    Kind.MMAP: (errno.ENOMEM, errno.EAGAIN),
    Kind.STAT: (errno.EIO, errno.ENOMEM),
    Kind.FSTAT: (errno.EIO, errno.ENOMEM),
    Kind.STATVFS: (errno.EIO, errno.ENOMEM),
    Kind.OPENDIR: (errno.EIO, *EXHAUSTED),
    Kind.READDIR: (errno.EIO, errno.ENOMEM),
    Kind.RENAME: (errno.EIO, errno.ENOMEM, *FULL, errno.EROFS),
    Kind.UNLINK: (errno.EIO, errno.ENOMEM, errno.EROFS),
    Kind.MKDIR: (errno.EIO, errno.ENOMEM, *FULL, errno.EROFS),
    Kind.RMDIR: (errno.EIO, errno.ENOMEM, errno.EROFS),
    Kind.LINK: (errno.EIO, errno.ENOMEM, *FULL, errno.EROFS),
    Kind.FSYNC: (errno.EIO, *FULL),
    Kind.TRUNCATE: (errno.EIO, errno.ENOMEM, errno.ENOSPC),
    Kind.LOCK: (errno.EAGAIN, errno.ENOLCK, errno.ENOMEM, errno.EIO),
    Kind.COPY: (errno.EIO, errno.ENOMEM, errno.ENOSPC),
}


class _Record(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int64),
        ("error", ctypes.c_int64),
        ("path", ctypes.c_char * MOST_PATH),
    )


class _Control(ctypes.Structure):
    """`struct control` of syscalls.c."""

    _fields_ = (
        ("kinds", ctypes.c_uint64),
        ("countdown", ctypes.c_int64),
        ("burst", ctypes.c_int64),
        ("error", ctypes.c_int64),
        ("rate", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("drawn", ctypes.c_uint64),
        ("faults", ctypes.c_uint64),
        ("calls", ctypes.c_uint64 * MOST_KINDS),
        ("failed", ctypes.c_uint64 * MOST_KINDS),
        ("errors", ctypes.c_int64 * MOST_ERRORS * MOST_KINDS),
        ("records", _Record * MOST_RECORDS),
    )


@dataclass(frozen=True)
class Fault:
    """One call that failed: of this kind, with this errno, on this file."""

    kind: Kind
    error: int
    path: Path

    def __str__(self) -> str:
        return f"{self.kind.name.lower()} of {self.path.name}: {errno.errorcode[self.error]}"


class NoCompiler(Exception):
    """There is no C compiler here, or it cannot build the library."""


def build(directory: Path) -> Path:
    """The library, built anew; raises NoCompiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise NoCompiler("there is no C compiler")
    library = directory / "syscalls.so"
    words = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    if tried.returncode:
        raise NoCompiler(f"the C compiler cannot build {SOURCE.name}: {tried.stderr}")
    return library


class Faults:
    """The library's control, for programs that begin with `environment`."""

    def __init__(self, directory: Path, files: Iterable[Path]) -> None:
        """`files` are those on which calls may fail, with all below them.  Raises NoCompiler."""
        self._library, self._files = build(directory), list(files)
        self._path = directory / "control"
        self._path.write_bytes(bytes(ctypes.sizeof(_Control)))
        with self._path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), ctypes.sizeof(_Control))
        self._control = _Control.from_buffer(self._map)
        for kind, errors in ERRORS.items():
            for place, error in enumerate(errors):
                self._control.errors[kind][place] = error
        self._seen = 0  # faults before the library was armed

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to be under control."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAILING_CONTROL": str(self._path),
            "FAILING_FILES": ":".join(map(str, self._files)),
        }

    def arm(self, kind: Kind, nth: int, error: int, times: int = 1) -> None:
        """The n-th call of this kind from now on fails, and those after it: so many in all."""
        self.disarm()
        self._control.kinds, self._control.countdown = 1 << kind, nth
        self._control.error = error
        self._control.burst = times  # last: now it counts

    def arm_at_random(self, per_million: int, seed: int, kinds: Iterable[Kind] = Kind) -> None:
        """Of a million calls of these kinds so many fail from now on."""
        self.disarm()
        self._control.kinds = sum(1 << kind for kind in kinds)
        self._control.seed, self._control.drawn = seed, 0
        self._control.rate = per_million

    def disarm(self) -> Sequence[Fault]:
        """Nothing fails any more; the last of what has since the library was armed."""
        self._control.burst = self._control.rate = 0
        last = self.recent()
        self._seen = self.faults
        return last

    def recent(self) -> Sequence[Fault]:
        """The last of what has failed since the library was armed."""
        newest = self.faults
        first = max(self._seen, newest - MOST_RECORDS)
        return [self._fault(number) for number in range(first, newest)]

    @property
    def faults(self) -> int:
        """How many calls have failed in all."""
        return int(self._control.faults)

    @property
    def fired(self) -> int:
        """How many calls have failed since the library was armed."""
        return self.faults - self._seen

    @property
    def calls(self) -> Counter[Kind]:
        """How many calls on the files there were, by kind; those that failed among them."""
        return Counter({kind: int(self._control.calls[kind]) for kind in Kind})

    @property
    def failed(self) -> Counter[Kind]:
        """How many of these calls have failed."""
        return Counter({kind: int(self._control.failed[kind]) for kind in Kind})

    def _fault(self, number: int) -> Fault:
        record = self._control.records[number % MOST_RECORDS]
        return Fault(Kind(record.kind), record.error, Path(os.fsdecode(record.path)))
