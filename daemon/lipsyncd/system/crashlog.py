"""The crash log: the stacks of a life that crashed, for the next one to tell the journal."""

import faulthandler
import logging
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.system.disk import disk_named

EXTENSIONS = re.compile(r"^Extension modules: .*$", re.MULTILINE)

log = logging.getLogger(__name__)


class CrashLog:
    """A file that is there while the daemon lives, and gone after an orderly end.

    A crash writes the stacks of all threads into it; a kill from outside, or a power cut, nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """The stacks of an earlier life; empty if it did not crash.

        What is no regular file was written by nobody's crash.  Raises StorageError.
        """
        with disk_named():
            words = self._content()
        return without_modules(words).strip()

    def _content(self) -> str:
        try:
            if not stat.S_ISREG(self._path.lstat().st_mode):
                return ""
            return self._path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Forget the earlier life, and write down how this one crashes.

        Raises StorageError before the block.
        """
        with disk_named():
            self._path.unlink(missing_ok=True)
            file = self._path.open("x")
        with file:
            faulthandler.enable(file)
            try:
                yield
            finally:
                assert sys.__stderr__ is not None
                faulthandler.enable(sys.__stderr__)
        try:
            self._path.unlink()
        except OSError as error:  # what is left has no words in it
            log.warning("crash file: it cannot be removed: %s", error.strerror)


def without_modules(stacks: str) -> str:
    """What faulthandler wrote, without its long list of modules, which tells nothing."""
    return "".join(EXTENSIONS.split(stacks))
