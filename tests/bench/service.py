"""A daemon that is timed from its start, and whose time of the processor and memory are known."""

import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.daemon.process import DaemonProcess, children

LOOK_SECONDS = 0.5  # between two looks at the memory: more often they would cost pace
TICKS = os.sysconf("SC_CLK_TCK")  # a second
MEBI = 1 << 20


class Daemon(DaemonProcess):
    """It tells here when it is ready, and what it does until then."""

    def __init__(self, directory: Path, toml: str = "") -> None:
        path = str(directory / "notify")
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(path)
        self._manager.settimeout(1)
        self._begun = time.monotonic()
        super().__init__(directory, toml, environment={"NOTIFY_SOCKET": path})
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *failed: object) -> None:
        super().__exit__(*failed)
        self._manager.close()

    def start_told(self) -> list[tuple[float, str]]:
        """Wait until it is ready: the seconds since its start, and what it said then, the last of
        which is READY."""
        told = [(0.0, "")]
        while "READY=1" not in told[-1][1]:
            if not self.is_alive:
                raise SystemExit(self.log)
            with suppress(TimeoutError):
                words = self._manager.recv(1 << 16).decode()
                told.append((time.monotonic() - self._begun, words))
        return told[1:]

    def cpu_seconds(self) -> dict[str, float]:
        """What has been used so far, by user and system: of the daemon with all its processes that
        have ended, and of each that lives, by its title."""
        used = {"daemon": cpu_seconds(self.pid, with_ended=True)}
        for pid, title in children(self.pid).items():
            with suppress(OSError):
                used[title] = used.get(title, 0.0) + cpu_seconds(pid)
        return used

    def peak_mib(self) -> float:
        """The most memory that the daemon and its processes had at once, as far as was seen, since
        this was asked last."""
        peak, self._peak = self._peak, 0
        return peak / MEBI

    def _watch(self) -> None:
        """A thread: look at the memory again and again."""
        while self.is_alive:
            own = [self.pid, *children(self.pid)]
            self._peak = max(self._peak, sum(map(resident_bytes, own)))
            time.sleep(LOOK_SECONDS)


def cpu_seconds(pid: int, with_ended: bool = False) -> float:
    """Of a process, with its children that have ended or without."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / TICKS


def resident_bytes(pid: int) -> int:
    """Of a process, what it shares with others counted by its part; 0 if it has ended."""
    with suppress(OSError):
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) * 1024 if found else 0
    return 0


@contextmanager
def daemon(toml: str = "", fill: Callable[[Path], None] = lambda _: None) -> Iterator[Daemon]:
    """A daemon that has just been started, and is stopped at the end; `fill` makes its state."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        fill(directory / "state")
        with Daemon(directory, toml) as fresh:
            yield fresh
            fresh.end()
