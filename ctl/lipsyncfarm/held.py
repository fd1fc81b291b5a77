"""The jobs that this host holds, on its disk: a bridge that comes back goes on with them."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lipsyncd.system.disk import disk_named, sync
from lipsyncfarm.record import Taken

HELD, LEFT = ".held", ".left"  # a job of ours; one that is not any more, and is still to be removed


class Held:
    """A folder with a file for each; all of it may raise StorageError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):
            part.unlink()

    def keep(self, taken: Taken) -> None:
        """From here on it survives us."""
        path = self._path(taken, HELD)
        part = path.with_suffix(".part")
        with disk_named("the bridge's state"):
            part.write_text(json.dumps(taken._asdict()))
            sync(part)
            part.rename(path)
            sync(self._folder)

    def leave(self, taken: Taken) -> None:
        """It is not ours any more, but the daemon here may have it still."""
        with disk_named("the bridge's state"), suppress(FileNotFoundError):  # it was left already
            os.replace(self._path(taken, HELD), self._path(taken, LEFT))

    def drop(self, taken: Taken) -> None:
        """Nothing of it is left here."""
        with disk_named("the bridge's state"):
            for kind in (HELD, LEFT):
                self._path(taken, kind).unlink(missing_ok=True)

    def held(self) -> Iterator[Taken]:
        """The jobs of an earlier life."""
        return self._read(HELD)

    def left(self) -> Iterator[Taken]:
        """Those that the daemon here is to forget."""
        return self._read(LEFT)

    def _read(self, kind: str) -> Iterator[Taken]:
        for path in sorted(self._folder.glob(f"*{kind}")):
            with suppress(FileNotFoundError):  # dropped meanwhile
                yield Taken(**json.loads(path.read_text()))

    def _path(self, taken: Taken, kind: str) -> Path:
        return self._folder / f"{key_of(taken)}{kind}"


def key_of(taken: Taken) -> str:
    """The key under which the daemon here has it: the same attempt is the same job."""
    return f"{taken.id}.{taken.fence}"
