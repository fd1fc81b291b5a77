"""The crash log: what a life that ends badly leaves behind for the next one.

The stacks of a crash go into a file, which the next life reads, tells the journal and takes as
evidence against the jobs that were running.  A kill from outside, or a power cut, leaves none.
"""

import faulthandler
import logging
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from lipsyncd.errors import DeviceLost, InternalError
from lipsyncd.system.disk import disk_named

EXTENSIONS = re.compile(r"^Extension modules: .*$", re.MULTILINE)
BOOT = Path("/proc/sys/kernel/random/boot_id")
COUNTERS = Path("/proc/vmstat")  # oom_kill: how many processes the kernel killed for lack of memory
OUT_OF_MEMORY = "The kernel killed a process of this machine for lack of memory meanwhile."

log = logging.getLogger(__name__)


class CrashLog:
    """A file with a first line about the machine, and what was written when it went wrong.

    It is there while the daemon lives, and gone after an orderly end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """The evidence of an earlier life, in words; empty if it ended well or was killed.

        What is no regular file was written by nobody's crash.  Raises StorageError.
        """
        with disk_named():
            machine, _, words = self._content().partition("\n")
        words = "".join(EXTENSIONS.split(words))  # a long list that tells nothing
        return words.strip() or (OUT_OF_MEMORY if is_starved_since(machine) else "")

    def _content(self) -> str:
        try:
            if not stat.S_ISREG(self._path.lstat().st_mode):
                return ""
            return self._path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    @contextmanager
    def armed(self, is_busy: Callable[[], bool]) -> Iterator[None]:
        """Forget the earlier life, and write down how this one crashes.

        A lost device that comes out of the block is noted as well, or a render that broke more than
        itself, if jobs were running then.
        After an orderly end the file is gone.  Raises StorageError before the block.
        """
        with self._begun() as file:
            faulthandler.enable(file)
            try:
                yield
            except (DeviceLost, InternalError) as error:
                if is_busy():
                    file.write(f"{error.name}: {error.message}\n")
                raise
            finally:
                faulthandler.enable(sys.__stderr__)
        try:
            self._path.unlink()
        except OSError as error:  # what is left has no words in it, and so convicts nobody
            log.warning("crash file: it cannot be removed: %s", error.strerror)

    @contextmanager
    def _begun(self) -> Iterator[TextIO]:
        """The file with its first line, in the place of whatever was there."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        with ExitStack() as stack:
            with disk_named():
                fresh.unlink(missing_ok=True)
                file = stack.enter_context(fresh.open("x"))
                file.write(f"{machine_now()}\n")
                file.flush()
                fresh.replace(self._path)
            yield file


def machine_now() -> str:
    """This boot, and how many processes the kernel has killed in it for lack of memory."""
    counters = dict(line.split() for line in COUNTERS.read_text().splitlines())
    return f"{BOOT.read_text().strip()} {counters.get('oom_kill', 0)}"


def is_starved_since(noted: str) -> bool:
    """Whether the kernel has killed for lack of memory since then, in the same boot."""
    boot, _, count = noted.partition(" ")
    boot_now, _, count_now = machine_now().partition(" ")
    return boot == boot_now and count.isdigit() and int(count_now) > int(count)
