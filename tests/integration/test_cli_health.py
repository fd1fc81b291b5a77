"""`lipsyncctl health` and `info`: the daemon itself, and a daemon that is not there."""

import os
import socket
from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages, started
from support.daemon.inprocess import Daemon, living

from lipsyncd import __version__


def test_a_ready_daemon_is_healthy(daemon: Daemon, tmp_path: Path) -> None:
    daemon.is_ready.wait()
    ended = lipsyncctl(tmp_path, "health")
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == [
        "ready on none, 0 running, 0 queued",
        "DEVICE  STATE  JOBS  MEMORY   LAST PASS",
        "none    ready  0     3.0 MiB  0 s ago",
    ]


def test_a_daemon_that_loads_is_alive_and_says_what_it_does(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False):
        ended = lipsyncctl(tmp_path, "health")
        (report,) = messages(lipsyncctl(tmp_path, "health", "--json").stdout)
    assert ended.returncode == 1
    assert ended.stdout == "warming: loading nothing at all, 0 running, 0 queued\n"
    assert (report["verb"], report["ready"]) == ("reported", False)


def test_who_watches_over_it_can_tell_alive_started_and_ready_apart(tmp_path: Path) -> None:
    def codes() -> list[int]:
        asked = ("--live", "--started", "--ready")
        return [lipsyncctl(tmp_path, "health", each).returncode for each in asked]

    assert codes() == [2, 2, 2]
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        assert codes() == [0, 1, 1]
        assert lipsyncctl(tmp_path, "health", "--wait-ready", "0.3").returncode == 1
        daemon.may_load.set()
        assert lipsyncctl(tmp_path, "health", "--wait-ready", "1h").returncode == 0
        assert codes() == [0, 0, 0]
        client.ask("drain")
        assert codes() == [0, 0, 1]


def test_who_waits_for_a_daemon_that_is_not_there_yet_is_answered_once_it_is_ready(
    tmp_path: Path,
) -> None:
    assert lipsyncctl(tmp_path, "health", "--wait-ready", "0.3").returncode == 2
    with started(tmp_path, "health", "--wait-ready", "1h") as process, living(tmp_path):
        assert process.wait() == 0


def test_where_no_daemon_is_there_is_no_answer(tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "health")
    assert ended.returncode == 2
    assert f"no socket at {tmp_path}/control.sock" in ended.stderr


def test_the_socket_of_a_daemon_that_died_is_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    ended = lipsyncctl(tmp_path, "--json", "health")
    assert ended.returncode == 2
    assert messages(ended.stdout)[0]["name"] == "server.unreachable"


def test_info_tells_what_the_daemon_is_made_of(daemon: Daemon, tmp_path: Path) -> None:
    lines = lipsyncctl(tmp_path, "info").stdout.splitlines()
    assert f"version     {__version__}" in lines
    assert f"pid         {os.getpid()}" in lines


LOOKING = ["list", "info", "status x", "fetch x -o out.mp4"]
ACTING = [
    "cancel x",
    "retry x",
    "clean --all",
    "drain",
    "resume",
    "submit -a hello.wav speaker.mp4",
]


@pytest.mark.parametrize("verb", [*LOOKING, *ACTING])
def test_other_verbs_have_an_exit_code_for_no_daemon(tmp_path: Path, verb: str) -> None:
    nowhere = str(tmp_path / "nowhere/control.sock")
    assert lipsyncctl(tmp_path, "--socket", nowhere, *verb.split()).returncode == 7


@pytest.mark.parametrize("words", [(), ("dance",), ("fetch",), ("status",), ("list", "--colour")])
def test_wrong_usage_is_explained(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = lipsyncctl(tmp_path, *words)
    assert ended.returncode == 2
    assert "usage: lipsyncctl" in ended.stderr
