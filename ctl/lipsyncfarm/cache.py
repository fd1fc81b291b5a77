"""Inputs that were fetched from the store: by content, checked, and bounded."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lipsyncd.errors import InputGone
from lipsyncd.system.disk import disk_named
from lipsyncfarm.spec import Input
from lipsyncfarm.store import MediaStore

AGAIN = "Submit it again."


class Named:
    """An open file under the name that its owner knows it by."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file = file
        self.name = name

    def fileno(self) -> int:
        """Its descriptor."""
        return self.file.fileno()


class Cache:
    """A folder of inputs; it may be used by several threads."""

    def __init__(self, folder: Path, store: MediaStore, most: int) -> None:
        self._folder = folder
        self._store = store
        self._most = most
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("tmp*"):  # by a life that was cut off
            left.unlink(missing_ok=True)

    @contextmanager
    def opened(self, input: Input) -> Iterator[Named]:
        """The input, which stays open although it may be dropped meanwhile.

        Raises InputGone if the store has it no more, or something else under its name; and what the
        store and the disk raise.
        """
        path = self._folder / input.sha256
        with disk_named("the cache of inputs"):
            if not path.exists():
                self._fetch(input, path)
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                # used now; not changed, for somebody may be copying it
                os.utime(file.fileno(), ns=(time.time_ns(), status.st_mtime_ns))
                self._shrink()
                yield Named(file, input.name)

    def _fetch(self, input: Input, path: Path) -> None:
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as part:
            try:
                for piece in self._store.read(input.path):
                    digest.update(piece)
                    part.write(piece)
                part.flush()
                self._refuse_other(input, digest.hexdigest())
                os.rename(part.name, path)
            except FileNotFoundError as error:
                raise InputGone(f"{input.name} is no more in the store.", AGAIN) from error
            finally:
                Path(part.name).unlink(missing_ok=True)

    def _refuse_other(self, input: Input, found: str) -> None:
        """A file that changed while it was handed in must not stay under the name of another."""
        if found != input.sha256:
            self._store.remove(input.path)
            raise InputGone(f"{input.name} changed while it was handed in.", AGAIN)

    def _shrink(self) -> None:
        """What was used longest ago goes, until the rest fits."""
        with self._lock:
            # what is being fetched has a name of its own, and no use yet
            paths = [each for each in self._folder.iterdir() if not each.name.startswith("tmp")]
            found, kept = [(each.stat(), each) for each in paths], 0
            for status, path in sorted(found, key=lambda each: -each[0].st_atime_ns):
                kept += status.st_size
                if kept > self._most:
                    path.unlink(missing_ok=True)
