"""What every test has: one limit of time, so that a wait for an event can be a plain wait.

And how they are spread over processes, and what they measured.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings
from support.paths import PACKAGES

# What a test starts runs the same code as the test, whatever is installed.
os.environ["PYTHONPATH"] = PACKAGES

# How long an example takes says nothing where the machine is busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

LIMIT_SECONDS = 300  # far beyond what any takes, since the machine may be busy
MOST_PROCESSES = 16
FIGURE = "figure"  # the property of a test that is one


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: many tests wait for a booted machine most of the time."""
    return min(len(os.sched_getaffinity(0)) + 2, MOST_PROCESSES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The ordinary tests first, what they find is easier to understand; but in one process of
    several those that boot, which wait the most: what comes last should be quick.
    """
    is_one_of_several = hasattr(config, "workerinput")
    items.sort(key=lambda item: (item.get_closest_marker("booted") is None) == is_one_of_several)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests have measured."""
    reports = terminalreporter.getreports("passed")
    figures = [words for each in reports for name, words in each.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(map(str, figures)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed travels between processes as UTF-8, whatever bytes are in it."""
    report = yield
    report.sections = [(name, spelled(text)) for name, text in report.sections]
    return report


def spelled(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """A test that waits for what never comes fails, instead of waiting for ever."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"waited longer than {LIMIT_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says a measured figure at the end of the run."""
    return lambda words: record_property(FIGURE, words)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket at which systemd hears the daemon."""
    for variable in ("WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"):
        monkeypatch.delenv(variable, raising=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a disk of so many bytes. Skips where none can be mounted."""
    disk = tmp_path / "disk"

    def mounted(size: int) -> Path:
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        tried = subprocess.run(mount, capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"a small disk cannot be mounted: {tried.stderr.strip()}")
        return disk

    yield mounted
    if disk.is_mount():
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
