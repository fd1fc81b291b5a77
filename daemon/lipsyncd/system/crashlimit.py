"""The crash limit: a daemon that a service manager starts again and again gives up after a while.

The manager's own limit would count restarts by hand as well, and take the socket away.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipsyncd.errors import CrashLoop, LipsyncError

MOST, WINDOW = 5, 600.0  # lives that ended badly; seconds in which they began
# Exit codes after which the unit does not start the daemon again: Python could not import it, wrong
# command line, no or broken weights, this limit, bad configuration, no program to execute.
FINAL = frozenset({1, 64, 66, 71, 78, 203})

CGROUPS = Path("/proc/self/cgroup")


@contextmanager
def limited(path: Path) -> Iterator[None]:
    """Note in the file at `path` that a life begins, until it ends in order or for good.

    Raises CrashLoop after MOST that did not, begun within WINDOW; whoever starts the daemon then
    gives it one life more. What cannot be written down does not count.
    """
    begun = _recent(path)
    if len(begun) >= MOST:
        _write(path, begun[1 - MOST :])
        unit = _unit()
        raise CrashLoop(
            f"The daemon ended badly {MOST} times within {WINDOW / 60:.0f} minutes.",
            f"Read `journalctl -u {unit} -p err`, then try again with `systemctl start {unit}`.",
        )
    _write(path, [*begun, time.time()])
    try:
        yield
    except LipsyncError as error:
        if error.code in FINAL:
            _forget(path)
        raise
    _forget(path)


def _unit() -> str:
    """The unit that this process is of."""
    with suppress(OSError):
        for line in CGROUPS.read_text().splitlines():
            if line.endswith(".service"):
                return line.rpartition("/")[2]
    return "lipsyncd"


def _recent(path: Path) -> list[float]:
    """When the lives of late began that did not end in order, the oldest first."""
    try:
        begun = [float(line) for line in path.read_text().split()]
    except (OSError, ValueError):
        return []
    return [each for each in begun if abs(time.time() - each) < WINDOW]


def _write(path: Path, begun: Iterable[float]) -> None:
    with suppress(OSError):
        path.write_text("".join(f"{each}\n" for each in begun))


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
