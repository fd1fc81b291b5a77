"""The page's own folder: uploads until they are handed over, and faces of jobs while there is room.

uploads/   what Gradio writes; it is gone when it was handed over or its tab has been closed
faces/     the faces of jobs, to be compared with results, and a small picture of each
"""

import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from lipsyncd.errors import DiskFull, FileTooLarge, InputGone
from lipsyncweb.arguments import GIB

SPARE = 1 << 30  # bytes of the disk that are never used
GRACE = 900.0  # seconds after which a tab that is gone does not come back
STALE = 3600.0  # and an upload that nobody has asked for is none any more


class Folder:
    """`room` and `largest` are bytes: of all files, and of one request.  For several threads."""

    def __init__(self, path: Path, room: int, largest: int) -> None:
        path = path.resolve()
        self.uploads = path / "uploads"
        self._faces = path / "faces"
        self._room = room
        self.largest = largest
        self._coming = 0  # bytes that are on their way
        self._whose: dict[Path, set[str]] = defaultdict(set)
        self._held: dict[Path, set[str]] = defaultdict(set)
        self._left: dict[str, float] = {}  # tabs, and when their connection was lost
        self._lock = RLock()
        shutil.rmtree(self.uploads, ignore_errors=True)  # of an earlier life, which nobody has
        for each in (self.uploads, self._faces):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.environ["GRADIO_TEMP_DIR"] = str(self.uploads)
        tempfile.tempdir = str(self.uploads)  # what is being uploaded lies there as well

    @contextmanager
    def coming(self, size: int) -> Iterator[None]:
        """So many bytes are uploaded meanwhile.  Raises FileTooLarge, DiskFull."""
        if size > self.largest:
            words = f"An upload may have {self.largest / GIB:g} GiB at most"
            raise FileTooLarge(f"{words}, and this one has {size / GIB:.1f}.", "Shorten it.")
        with self._lock:
            self._sweep()
            self._make_room(size)
            self._coming += size
        try:
            yield
        finally:
            with self._lock:
                self._coming -= size

    def uploaded(self, user: str, paths: Iterable[str]) -> None:
        """These came from a user; the same content is the same file, whoever else has it."""
        with self._lock:
            for path in paths:
                self._whose[Path(path)].add(user)

    def is_of(self, user: str, path: str | Path) -> bool:
        """Whether a user has uploaded this file, and it is still here."""
        return user in self._whose.get(Path(path), ()) and Path(path).is_file()

    def hold(self, user: str, tab: str, paths: Iterable[str]) -> list[Path]:
        """Files of a tab, which stay until all that hold them have let go.  Raises InputGone."""
        found = [Path(each) for each in paths]
        with self._lock:
            self._left.pop(tab, None)
            for path in found:
                if not self.is_of(user, path):
                    raise InputGone(f"{path.name} is not here any more.", "Choose it once more.")
                self._held[path].add(tab)
        return found

    def leave(self, tab: str) -> None:
        """A tab is closed, or has lost its connection for a while."""
        with self._lock:
            self._left[tab] = time.monotonic()

    def release(self, tab: str, paths: Iterable[Path] | None = None) -> None:
        """A tab needs these files no more; without paths, none of its own."""
        with self._lock:
            for path in list(self._held) if paths is None else list(paths):
                self._held[path].discard(tab)
                if not self._held[path]:
                    del self._held[path]
                    self._whose.pop(path, None)
                    path.unlink(missing_ok=True)
                    with suppress(OSError):
                        path.parent.rmdir()

    def release_others(self, tab: str, paths: Iterable[Path]) -> None:
        """A tab needs nothing but these any more."""
        with self._lock:
            mine = [path for path, tabs in self._held.items() if tab in tabs]
            self.release(tab, set(mine) - set(paths))

    def keep(self, job: str, face: Path, picture: bytes | None) -> None:
        """The face of a job, which goes when others need the room."""
        with self._lock, suppress(OSError):  # nothing depends on it
            self._faces.joinpath(f"{job}{face.suffix.lower()[:6]}").hardlink_to(face)
            if picture:
                self._faces.joinpath(f"{job}.thumb").write_bytes(picture)

    def face(self, job: str) -> Path | None:
        """The face of a job, if it is still here."""
        return next((each for each in self._of(job) if each.suffix != ".thumb"), None)

    def picture(self, job: str) -> Path | None:
        """A small picture of its face, a JPEG."""
        path = self._faces / f"{job}.thumb"
        return path if path.exists() else None

    def forget(self, job: str) -> None:
        """A job is gone, so nobody compares it any more."""
        for each in self._of(job):
            each.unlink(missing_ok=True)

    def _of(self, job: str) -> list[Path]:
        return sorted(self._faces.glob(f"{job}*"))

    def _sweep(self) -> None:
        """What closed tabs have held goes, and what has broken off."""
        now, wall = time.monotonic(), time.time()
        for tab in [tab for tab, left in self._left.items() if now > left + GRACE]:
            del self._left[tab]
            self.release(tab)
        for path in self.uploads.rglob("*"):
            found = stat_of(path)
            if found and path not in self._held and wall > found.st_mtime + STALE:
                path.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """For so many bytes, by the oldest faces.  Raises DiskFull."""
        kept = sorted(self._faces.iterdir(), key=lambda each: each.stat().st_mtime)
        while not self._has_room(size):
            if not kept:
                hint = "Try again when others have handed in theirs."
                raise DiskFull("There is no room for more uploads at present.", hint)
            kept.pop(0).unlink(missing_ok=True)

    def _has_room(self, size: int) -> bool:
        there = {
            (found.st_dev, found.st_ino): found.st_size
            for parent in (self.uploads, self._faces)
            for path in parent.rglob("*")
            if (found := stat_of(path))
        }
        free = shutil.disk_usage(self.uploads).free - self._coming - SPARE
        return sum(there.values()) + self._coming + size <= self._room and size <= free


def stat_of(path: Path) -> os.stat_result | None:
    """Of a file that may be gone by now."""
    try:
        return path.stat() if path.is_file() else None
    except OSError:
        return None
