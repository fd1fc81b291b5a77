"""The black box: what a life that ends badly leaves behind for the next one.

The stacks of a crash go into a file, which the next life reads, tells the journal and takes as
evidence against the jobs that were running.  A kill from outside, or a power cut, leaves none.
"""

import faulthandler
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import DeviceLost, InternalError

EXTENSIONS = re.compile(r"^Extension modules: .*$", re.MULTILINE)
BOOT = Path("/proc/sys/kernel/random/boot_id")
COUNTERS = Path("/proc/vmstat")  # oom_kill: how many processes the kernel killed for lack of memory
OUT_OF_MEMORY = "The kernel killed a process of this machine for lack of memory meanwhile."


class BlackBox:
    """A file with a first line about the machine, and what was written when it went wrong.

    It is there while the daemon lives, and gone after an orderly end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """The evidence of an earlier life, in words; empty if it ended well or was killed."""
        try:
            machine, _, words = self._path.read_text(errors="replace").partition("\n")
        except FileNotFoundError:
            return ""
        words = "".join(EXTENSIONS.split(words))  # a long list that tells nothing
        return words.strip() or (OUT_OF_MEMORY if is_starved_since(machine) else "")

    @contextmanager
    def armed(self, is_busy: Callable[[], bool]) -> Iterator[None]:
        """Forget the earlier life, and write down how this one crashes.

        A lost device that comes out of the block is noted as well, or a render that broke more than
        itself, if jobs were running then.
        After an orderly end the file is gone.
        """
        with self._path.open("w") as file:
            file.write(f"{machine_now()}\n")
            file.flush()
            faulthandler.enable(file)
            try:
                yield
            except (DeviceLost, InternalError) as error:
                if is_busy():
                    file.write(f"{error.name}: {error.message}\n")
                raise
            finally:
                faulthandler.enable(sys.__stderr__)
        self._path.unlink()


def machine_now() -> str:
    """This boot, and how many processes the kernel has killed in it for lack of memory."""
    counters = dict(line.split() for line in COUNTERS.read_text().splitlines())
    return f"{BOOT.read_text().strip()} {counters.get('oom_kill', 0)}"


def is_starved_since(noted: str) -> bool:
    """Whether the kernel has killed for lack of memory since then, in the same boot."""
    boot, _, count = noted.partition(" ")
    boot_now, _, count_now = machine_now().partition(" ")
    return boot == boot_now and count.isdigit() and int(count_now) > int(count)
