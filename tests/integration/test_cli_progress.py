"""How `lipsyncctl` shows progress: one line redrawn on a terminal, plain lines elsewhere."""

import os
import termios
from pathlib import Path

import pytest
from support.client.command import RENDER, started
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate

CLEAR = "\r\033[K"


@pytest.fixture
def ready(daemon: Daemon) -> None:
    """A daemon that is not ready is worth a notice, which these tests do not want."""
    daemon.is_ready.wait()


def shown(directory: Path, gate: Gate, columns: int, *prefix: str) -> str:
    """What a terminal of this width gets to see of a `run`, the first of three steps included."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    seen, first = "", ": running" if prefix else "33 %"
    gate.let_go(1)
    words = ("run", *RENDER, "-o", "out.mp4")
    with started(directory, *words, prefix=prefix, stderr=theirs) as process:
        os.close(theirs)
        while first not in seen:
            seen += read(ours)
        gate.let_go(2)
        while more := read(ours):
            seen += more
        assert process.wait() == 0
    os.close(ours)
    return seen


def read(terminal: int) -> str:
    """What a terminal shows next; empty when nobody has it open any more."""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:  # Linux's way to say so
        return ""


@pytest.mark.usefixtures("ready")
def test_a_terminal_has_one_line_that_is_gone_at_the_end(tmp_path: Path, gate: Gate) -> None:
    seen = shown(tmp_path, gate, columns=80)
    assert "\n" not in seen
    assert seen.endswith(CLEAR)
    line = next(line for line in seen.split(CLEAR) if " 33 %" in line)
    assert line.startswith("━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  33 %  1/3 frames")
    assert line.endswith(" left")


@pytest.mark.usefixtures("ready")
def test_the_line_never_wraps(tmp_path: Path, gate: Gate) -> None:
    seen = shown(tmp_path, gate, columns=5)
    assert max(len(line) for line in seen.split(CLEAR)) == 4


@pytest.mark.usefixtures("ready")
def test_on_a_narrow_terminal_the_bar_gives_way_and_not_what_is_told(
    tmp_path: Path, gate: Gate
) -> None:
    seen = shown(tmp_path, gate, columns=30)
    line = next(line for line in seen.split(CLEAR) if "33 %" in line)
    assert "━" not in line
    assert line.endswith(" left")


@pytest.mark.usefixtures("ready")
def test_a_terminal_that_cannot_clear_a_line_gets_plain_ones(tmp_path: Path, gate: Gate) -> None:
    assert "\033" not in shown(tmp_path, gate, 80, "env", "TERM=dumb")


def test_elsewhere_a_state_is_told_in_a_line_of_its_own(tmp_path: Path) -> None:
    with (
        living(tmp_path, is_loaded=False) as daemon,
        started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process,
    ):
        waiting = [process.stderr.readline() for _ in range(2)]
        daemon.may_load.set()
        _, notices = process.communicate()
    assert "the daemon is still warming" in waiting[0]
    assert ": queued, 1st" in waiting[1]
    assert "\033" not in "".join(waiting) + notices
