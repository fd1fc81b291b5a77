"""A crash leaves its stacks, and a kill from outside leaves nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsyncd.errors import DiskFailed
from lipsyncd.system.crashlog import CrashLog

LIFE = """
import os, sys
from pathlib import Path
from lipsyncd.system.crashlog import CrashLog
with CrashLog(Path(sys.argv[1])).armed():
    {}
"""


@pytest.fixture
def crashlog(tmp_path: Path) -> CrashLog:
    return CrashLog(tmp_path / "crash")


def live(tmp_path: Path, last_act: str) -> int:
    """A life that ends with an act; its exit code."""
    life = [sys.executable, "-c", LIFE.format(last_act), str(tmp_path / "crash")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(life, env=env, check=False).returncode


def test_there_is_nothing_to_tell_before_the_first_life(crashlog: CrashLog) -> None:
    assert crashlog.read() == ""


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL])
def test_a_crash_leaves_its_stacks(tmp_path: Path, crashlog: CrashLog, number: int) -> None:
    assert live(tmp_path, f"os.kill(os.getpid(), {int(number)})") == -number
    assert crashlog.read().startswith("Fatal Python error")
    assert 'File "<string>", line 6' in crashlog.read()


def test_a_kill_from_outside_leaves_nothing(tmp_path: Path, crashlog: CrashLog) -> None:
    assert live(tmp_path, "os.kill(os.getpid(), 9)") == -9
    assert (tmp_path / "crash").exists()
    assert crashlog.read() == ""


def test_an_orderly_end_leaves_not_even_a_file(tmp_path: Path) -> None:
    assert live(tmp_path, "pass") == 0
    assert not (tmp_path / "crash").exists()


def test_a_life_forgets_the_one_before(tmp_path: Path, crashlog: CrashLog) -> None:
    live(tmp_path, "os.abort()")
    live(tmp_path, "os.kill(os.getpid(), 9)")
    assert crashlog.read() == ""


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_of_ours_tells_nothing_and_gives_way(
    tmp_path: Path, crashlog: CrashLog, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "crash")
    assert crashlog.read() == ""
    assert live(tmp_path, "os.kill(os.getpid(), 6)") == -6
    assert crashlog.read().startswith("Fatal Python error")


def test_stacks_that_cannot_be_read_for_now_are_not_forgotten(
    tmp_path: Path, crashlog: CrashLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(tmp_path, "os.kill(os.getpid(), 6)")

    def fail(*_: object, **__: object) -> str:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch, pytest.raises(DiskFailed):
        patch.setattr(Path, "read_text", fail)
        crashlog.read()
    assert crashlog.read().startswith("Fatal Python error")
