"""A weights file: read once, whole, so that what is hashed is what is parsed.

It is read and not mapped: what a disk fails to give of a map ends the process.  An error of the
disk is told apart from damage, which is believed only when the disk gives the same bytes twice.
"""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lipsyncd.errors import CheckpointInvalid, CheckpointMissing, DiskFailed
from lipsyncd.system.disk import disk_named, named

READ_BYTES = 8 << 20  # between reports of progress
MOST_BYTES = 4 << 30  # the widest generator with its optimizer has less than half of that
LOOK_AT_DISK = "Look into the kernel's log for errors of the disk, and try again."

# What a file should hold, and where another is named
CHECKPOINT, DETECTOR, LANDMARKER = "checkpoint", "face detector", "landmarker"
RECOGNISER = "face recogniser"
EXPERT = "sync expert"
HINTS = {
    CHECKPOINT: "Point `checkpoint` in the configuration at a Wav2Lip generator for 96, 256 or 288 "
    "pixels.",
    DETECTOR: "Point `detector` in the configuration at YuNet's ONNX file.",
    RECOGNISER: "Point `recogniser` in the configuration at the file of SFace that lipsyncd comes "
    "with.",
    LANDMARKER: "Point `landmarker` in the configuration at face_landmark.tflite.",
    EXPERT: "Point `sync_expert` in the configuration at sync-expert-grid-v0.safetensors.",
}

Report = Callable[[str], None]


@dataclass(frozen=True)
class WeightsFile:
    """The bytes of a file and their hash; `what` is what it should hold."""

    path: Path
    what: str
    content: bytes = field(repr=False)
    sha256: str

    @contextmanager
    def believed(self, report: Report) -> Iterator[None]:
        """A refusal of the content stands only if the disk gives that content again.

        Raises DiskFailed in its place if not, and what the disk says if it cannot be read.
        """
        try:
            yield
        except CheckpointInvalid as refusal:
            with opened(self.path, self.what) as (file, size):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                digest = hashlib.sha256()
                for piece in pieces_of(file, size, self.path, report):
                    digest.update(piece)
            if digest.hexdigest() != self.sha256:
                raise DiskFailed(
                    f"{self.path} was not the same when it was read again.", LOOK_AT_DISK
                ) from refusal
            raise


def read_weights(path: Path, what: str, report: Report) -> WeightsFile:
    """Read a file; `what` it should hold is named in messages, `report` is told as bytes come in.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    content, digest = io.BytesIO(), hashlib.sha256()
    with opened(path, what) as (file, size):
        for piece in pieces_of(file, size, path, report):
            content.write(piece)
            digest.update(piece)
    return WeightsFile(path, what, content.getvalue(), digest.hexdigest())


def proven(
    path: Path, what: str, make: Callable[[WeightsFile], object], report: Report
) -> WeightsFile:
    """Read a file, and make of it once what it should hold.  Raises as read_weights."""
    file = read_weights(path, what, report)
    with file.believed(report):
        make(file)
    return file


@contextmanager
def opened(path: Path, what: str) -> Iterator[tuple[BinaryIO, int]]:
    """The file without a buffer, and its size.  What is no file is not waited for."""
    with disk_named(str(path)):
        descriptor = descriptor_of(path, what)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise missing(path, what)
            if found.st_size > MOST_BYTES:
                size = f"{found.st_size >> 20} MiB"
                raise CheckpointInvalid(f"{path} has {size}, more than any {what}.", HINTS[what])
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                yield file, found.st_size
        finally:
            os.close(descriptor)


def descriptor_of(path: Path, what: str) -> int:
    """Raises CheckpointMissing, CheckpointInvalid, and OSError if the disk is to blame."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise missing(path, what) from error
    except OSError as error:
        if named(error):
            raise
        raise CheckpointInvalid(
            f"{path} cannot be opened: {error.strerror}.", "Let the daemon's user read it."
        ) from error


def pieces_of(file: BinaryIO, size: int, path: Path, report: Report) -> Iterator[bytes]:
    """So many bytes of a file.  Raises DiskFailed if it ends before."""
    done = 0
    while done < size:
        piece = file.read(min(READ_BYTES, size - done))
        if not piece:
            raise DiskFailed(f"{path} gave {done} of its {size} bytes.", LOOK_AT_DISK)
        done += len(piece)
        report(f"reading {path.name}: {done * 100 // size} %")
        yield piece


def missing(path: Path, what: str) -> CheckpointMissing:
    return CheckpointMissing(f"There is no {what} at {path}.", HINTS[what])
