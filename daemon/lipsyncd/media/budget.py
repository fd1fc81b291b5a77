"""A budget: how long a file is worked on before something has to come of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lipsyncd.errors import DecodingTooSlow, DiskFailed, FileTooLarge, LipsyncError
from lipsyncd.media.limits import FRAME_SECONDS, OPENING_BYTES, OPENING_SECONDS
from lipsyncd.media.streamed import given, true_sizes
from lipsyncd.media.tags import read_untagged, tagged_bytes
from lipsyncd.system.disk import named

PIECE_BYTES = 1 << 20  # that are read at once while a file is opened


class TimeBudget:
    """A stock of seconds that work uses up, and what comes of the work fills again.

    What counts is what passed both on the wall and in this process, so that neither a stopped
    process nor a slow disk is held against the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.renew()

    def renew(self, seconds: float | None = None) -> None:
        """Something came, and work goes on now, for so many seconds or the usual ones."""
        self._all = self._left = FRAME_SECONDS if seconds is None else seconds
        self.go_on()

    def earn(self, seconds: float) -> None:
        """Something came that is worth so much."""
        self._left = min(FRAME_SECONDS, self._left - self._passed() + seconds)
        self.go_on()

    def go_on(self) -> None:
        """Work goes on now; what passed before is not counted."""
        self._begun, self._spent = time.monotonic(), time.process_time()

    def check(self) -> None:
        """Raise DecodingTooSlow if nothing came for too long."""
        if self._passed() > self._left:
            raise DecodingTooSlow(
                f"{self.name} gave too little in {self._all:.0f} seconds of work.",
                "Convert it to an ordinary MP4 with a keyframe every few seconds.",
            )

    def _passed(self) -> float:
        return min(time.monotonic() - self._begun, time.process_time() - self._spent)


class BudgetedFile:
    """A file as libav is to see it: without tags, and without a name to guess by.

    Where libav would go on reading for ever, a read ends it.
    """

    def __init__(self, file: BinaryIO, budget: TimeBudget) -> None:
        """Raises DiskFailed, HostExhausted."""
        self._file = file
        self.budget = budget
        self._given_up = False
        self._left: int | None = None  # bytes that may be read; None: any number
        self.failure: LipsyncError | None = None  # why it was given up
        with self._failing():
            self._start = tagged_bytes(file)
            self._sizes = true_sizes(file, self._start)
            file.seek(self._start)

    @contextmanager
    def opening(self, most_bytes: int | None = OPENING_BYTES) -> Iterator[None]:
        """While libav opens it: what it reads now stays in memory, in several copies."""
        self._left = most_bytes
        self.budget.renew(OPENING_SECONDS)
        yield
        self._left = None
        self.budget.renew()

    def read(self, size: int) -> bytes:
        """Raises DecodingTooSlow, FileTooLarge, DiskFailed or HostExhausted once; from then on the
        file is at its end."""
        if self._given_up:
            return b""
        self._given_up = True
        try:
            content = self._read(size)
        except LipsyncError as error:
            self.failure = error
            raise
        self._given_up = False
        return content

    def _read(self, size: int) -> bytes:
        self.budget.check()
        size = size if self._left is None else min(size, PIECE_BYTES)
        with self._failing():
            place = self._file.tell()
            content = given(read_untagged(self._file, size), place, self._sizes)
        if self._left is None:
            return content
        self._left -= len(content)
        if self._left < 0:
            raise too_much(self.budget.name)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Raises DiskFailed, HostExhausted; OSError for a place that cannot be."""
        try:
            return self._file.seek(offset + (0 if whence else self._start), whence) - self._start
        except OSError as error:  # no context manager: libav seeks far more often than it reads
            self.failure = named(error, self._copy)
            if self.failure:
                raise self.failure from error
            raise

    def tell(self) -> int:
        return self._file.tell() - self._start

    @property
    def _copy(self) -> str:
        return f"the spooled copy of {self.budget.name}"

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What the disk fails to give is not the file's fault."""
        try:
            yield
        except OSError as error:
            raise named(error, self._copy) or DiskFailed(
                f"The disk of {self._copy} failed: {error}.",
                "Look at the disk's health, then submit the job again.",
            ) from error


def too_much(name: str) -> FileTooLarge:
    """Why a file is not opened of which too much would be kept in memory."""
    return FileTooLarge(
        f"{name} has more than {OPENING_BYTES >> 20} MiB that are neither picture nor sound.",
        "Leave out attachments and tags: "
        "`ffmpeg -i IN -map '0:V?' -map '0:a?' -map_metadata -1 -c copy OUT.mkv`.",
    )
