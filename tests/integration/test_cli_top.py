"""`lipsyncctl top`: one screen, redrawn on a terminal until a key ends it."""

import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.client.command import Process, lipsyncctl, messages, started
from support.client.session import Client
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate

from lipsyncctl.show.display import ENTER, HOME, LEAVE


@contextmanager
def shown(directory: Path, columns: int) -> Iterator[tuple[Process, int]]:
    """`top` on a terminal so wide, and what stands for who sits before it."""
    person, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, columns, 0, 0))
    streams = {"stdin": terminal, "stdout": terminal}
    try:
        with started(directory, "top", "--interval", "0.1s", **streams) as process:
            yield process, person
    finally:
        os.close(person)
        os.close(terminal)


def read_until(person: int, words: str) -> str:
    read = ""
    while words not in read:
        read += os.read(person, 1 << 16).decode()
    return read


@pytest.mark.parametrize("key", ["q", "Ctrl-C"])
def test_top_shows_what_changes_until_a_key_ends_it_and_leaves_the_terminal_as_it_was(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path, key: str
) -> None:
    with shown(tmp_path, 80) as (process, person):
        before = termios.tcgetattr(person)
        first = read_until(person, "no jobs")
        assert first.startswith(ENTER)
        job = client.submit(tmp_path)
        read_until(person, job)
        gate.let_go()
        client.end_of(job)
        read_until(person, "succeeded")
        if key == "q":
            os.write(person, b"q")
        else:  # which a terminal would send that is the process's own
            process.send_signal(signal.SIGINT)
        assert read_until(person, LEAVE).endswith(LEAVE)
        assert process.wait() == 0
        assert termios.tcgetattr(person) == before


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_a_screen_fits_onto_the_terminal(
    daemon: Daemon, client: Client, tmp_path: Path, columns: int
) -> None:
    jobs = [client.submit(tmp_path) for _ in range(20)]
    with shown(tmp_path, columns) as (process, person):
        drawn = read_until(person, HOME) + read_until(person, HOME)
        os.write(person, b"q")
        process.wait()
    lines = drawn.rpartition(HOME)[0].rpartition(HOME)[2].split("\r\n")
    assert len(lines) == 12
    assert max(len(line.removesuffix("\033[J").removesuffix("\033[K")) for line in lines) <= columns
    assert sum(job in line for line in lines for job in jobs) > 5


def test_where_nothing_can_be_drawn_it_is_shown_once(daemon: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "top")
    assert ended.returncode == 0
    assert "\033" not in ended.stdout
    assert ended.stdout.endswith("no jobs\n")
    (told,) = messages(lipsyncctl(tmp_path, "top", "--json").stdout)
    assert (told["ready"], told["jobs"]) == (True, [])


def test_without_a_daemon_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert lipsyncctl(tmp_path, "top").returncode == 7
