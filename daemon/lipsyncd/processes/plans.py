"""Plans that are kept for later renders: in the cache folder, for each user apart, the newest ones.

A render says by which name it looks for one, and is handed a file; it opens none itself.
"""

import os
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from lipsyncd.processes.render import RenderProcess
from lipsyncd.protocol.user import User

MOST_BYTES = 256 << 20  # of all; one of an hour has some MiB
MOST_NAMES = 4  # that one render may look for at once
NAME = re.compile("[0-9a-f]{64}")


class PlanCache:
    """The folder; for every thread."""

    def __init__(self, folder: Path, most_seconds: float) -> None:
        """A plan that nobody has used for so long goes, here and when another one comes."""
        self._folder = folder
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._hits = self._misses = 0
        with suppress(OSError):
            self._trim()

    def found(self, user: User, *names: str) -> BinaryIO | None:
        """The first of a user's plans of these names that is there; the caller's to close."""
        file = next(filter(None, (self._opened(user, name) for name in names)), None)
        with self._lock:
            self._hits, self._misses = self._hits + bool(file), self._misses + (not file)
        return file

    def _opened(self, user: User, name: str) -> BinaryIO | None:
        path = self._path(user, name)
        with suppress(OSError):
            os.utime(path)
            return path.open("rb")
        return None

    def as_map(self) -> dict[str, int]:
        """How often renders have found one, and how often not."""
        with self._lock:
            return {"hits": self._hits, "misses": self._misses}

    def room(self) -> "BinaryIO | None":
        """A new file that has no name of a plan yet; None where there can be none."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return NamedTemporaryFile(dir=self._folder, delete=False)  # type: ignore[return-value]
        return None

    def add(self, user: User, name: str, path: str) -> None:
        """A new file is this plan."""
        with self._lock, suppress(OSError):
            os.replace(path, self._path(user, name))
            self._trim()

    def _path(self, user: User, name: str) -> Path:
        label = f"-{sha256(user.label.encode()).hexdigest()[:16]}" if user.label else ""
        return self._folder / f"{user.uid}{label}-{name}"

    def _trim(self) -> None:
        """Those that were not used for longest go, until all is within bounds."""
        oldest, total = time.time() - self._most_seconds, 0
        found = [(path, path.stat()) for path in self._folder.iterdir()]
        for path, stat in sorted(found, key=lambda each: each[1].st_mtime, reverse=True):
            total += stat.st_size
            if total > MOST_BYTES or stat.st_mtime < oldest:
                path.unlink()


class Plans:
    """What one render asks of the cache."""

    def __init__(self, cache: PlanCache, user: User | None, process: RenderProcess) -> None:
        """`user` is whose plans are used; None: nobody's are, and none is kept."""
        self._cache = cache
        self._user = user
        self._process = process
        self._new: BinaryIO | None = None

    def hear(self, said: Mapping[str, object]) -> None:
        """A question or an answer of the render.  Raises ValueError."""
        if "seek" in said:
            self._seek(said["seek"])
        elif "room" in said:
            self._make_room()
        elif self._new and self._user is not None:
            self._cache.add(self._user, named(said["filled"]), self._new.name)
            self._new = None

    def close(self) -> None:
        """What was begun and is not whole goes."""
        if self._new:
            with suppress(OSError):
                os.unlink(self._new.name)

    def _seek(self, names: object) -> None:
        if not isinstance(names, list) or len(names) > MOST_NAMES:
            raise ValueError("no names of plans")
        names = map(named, names)
        if file := None if self._user is None else self._cache.found(self._user, *names):
            with file:
                self._process.tell({"plan": True}, [file.fileno()])
        else:
            self._process.tell({"plan": False})

    def _make_room(self) -> None:
        self.close()
        self._new = None if self._user is None else self._cache.room()
        if self._new:
            with self._new as file:
                self._process.tell({"plan": True}, [file.fileno()])
        else:
            self._process.tell({"plan": False})


def named(name: object) -> str:
    """A name that a render has said.  Raises ValueError."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError("no name of a plan")
    return name
