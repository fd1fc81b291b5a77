"""Patience: how long a file is worked on before something has to come of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lipsyncd.errors import DecodingTooSlow, DiskFailed
from lipsyncd.media.limits import FRAME_SECONDS
from lipsyncd.media.tags import read_untagged, tagged_bytes


class Patience:
    """A stock of seconds that work uses up, and what comes of the work fills again.

    What counts is what passed both on the wall and in this process, so that neither a stopped
    process nor a slow disk is held against the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.renew()

    def renew(self) -> None:
        """Something came, and work goes on now."""
        self._left = FRAME_SECONDS
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
                f"{self.name} gave too little in {FRAME_SECONDS:.0f} seconds of work.",
                "Convert it to an ordinary MP4 with a keyframe every few seconds.",
            )

    def _passed(self) -> float:
        return min(time.monotonic() - self._begun, time.process_time() - self._spent)


class PatientFile:
    """A file as libav is to see it: without tags, and without a name to guess by.

    Where libav would go on reading for ever, a read ends it.
    """

    def __init__(self, file: BinaryIO, patience: Patience) -> None:
        """Raises DiskFailed."""
        self._file = file
        self._patience = patience
        self._given_up = False
        with self._failing():
            self._start = tagged_bytes(file)
            file.seek(self._start)

    def read(self, size: int) -> bytes:
        """Raises DecodingTooSlow or DiskFailed once; from then on the file is at its end."""
        if self._given_up:
            return b""
        self._given_up = True
        self._patience.check()
        with self._failing():
            content = read_untagged(self._file, size)
        self._given_up = False
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        place = self._file.seek(offset + (0 if whence else self._start), whence)
        return place - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What the disk fails to give is not the file's fault."""
        try:
            yield
        except OSError as error:
            raise DiskFailed(
                f"The spooled copy of {self._patience.name} cannot be read ({error.strerror}).",
                "Look at the disk's health, then submit the job again.",
            ) from error
