"""systemd hears what it should, as valid text, and nothing it says is left for children."""

import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from lipsyncd.system import notify
from lipsyncd.system.notify import Notifier, listen_descriptors

VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"]


def test_systemd_hears_the_life_of_the_daemon(systemd: socket.socket) -> None:
    notifier = Notifier()
    notifier.extend_timeout(2.5)
    notifier.ready()
    notifier.watchdog()
    notifier.stopping()
    heard = [systemd.recv(99) for _ in range(4)]
    assert heard == [b"EXTEND_TIMEOUT_USEC=2500000", b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    notifier.close()


def test_a_status_arrives_as_utf_8_on_one_line(systemd: socket.socket) -> None:
    notifier = Notifier()
    notifier.status("wärmt 日本.mp4\nWATCHDOG=1")
    assert systemd.recv(99).decode() == "STATUS=wärmt 日本.mp4 WATCHDOG=1"
    notifier.close()


def test_a_status_that_is_no_text_does_not_break_anything(systemd: socket.socket) -> None:
    notifier = Notifier()
    notifier.status("caf\udce9")
    assert systemd.recv(99) == b"STATUS=caf?"
    notifier.close()


def test_a_reload_says_when_it_began(systemd: socket.socket) -> None:
    notifier = Notifier()
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    first, second = systemd.recv(99).decode().split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    notifier.close()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier()
    notifier.ready()
    notifier.close()
    assert notifier.watchdog_seconds is None


def test_a_systemd_that_went_away_is_logged(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier()
    systemd.close()
    notifier.ready()
    assert "systemd did not take READY" in caplog.text
    notifier.close()


def test_a_systemd_that_does_not_read_blocks_nobody_and_hears_again_once_it_reads(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier()
    while "systemd did not take WATCHDOG" not in caplog.text:  # until its queue is full
        notifier.watchdog()
    assert systemd.recv(99) == b"WATCHDOG=1"
    caplog.clear()
    notifier.ready()
    assert caplog.text == ""
    systemd.setblocking(False)
    while (heard := systemd.recv(99)) == b"WATCHDOG=1":
        pass
    assert heard == b"READY=1"
    notifier.close()


def test_a_systemd_whose_queue_is_full_hears_that_the_daemon_is_ready_once_it_reads(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifier, waits, wait_for_room = Notifier(), threading.Event(), notify.wait_for_room
    while "systemd did not take WATCHDOG" not in caplog.text:
        notifier.watchdog()
    caplog.clear()

    def waiting(*how: Any) -> None:
        waits.set()
        wait_for_room(*how)

    monkeypatch.setattr(notify, "wait_for_room", waiting)
    telling = threading.Thread(target=notifier.ready)
    telling.start()
    assert waits.wait(60)
    heard = systemd.recv(99)
    telling.join()
    systemd.setblocking(False)
    while heard == b"WATCHDOG=1":
        heard = systemd.recv(99)
    assert (heard, caplog.text) == (b"READY=1", "")
    notifier.close()


@pytest.mark.parametrize(
    "microseconds, process, seconds",
    [
        ("30000000", None, 30.0),
        ("30000000", "mine", 30.0),
        ("30000000", "1", None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_ours_only_if_it_names_us(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, process: str | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    if process:
        monkeypatch.setenv("WATCHDOG_PID", process.replace("mine", str(os.getpid())))
    assert Notifier().watchdog_seconds == seconds


def test_no_child_inherits_the_words_of_systemd(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES[1:]:
        monkeypatch.setenv(variable, "1")
    notifier = Notifier()
    listen_descriptors()
    assert not set(VARIABLES) & set(os.environ)
    notifier.close()


def test_sockets_meant_for_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert listen_descriptors() == []


def test_a_passed_socket_is_adopted_and_not_inherited() -> None:
    code = (
        "import os; from lipsyncd.system.notify import listen_descriptors;"
        "os.environ['LISTEN_PID'] = str(os.getpid()); found = listen_descriptors();"
        "print(found, [os.get_inheritable(each) for each in found])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "LISTEN_FDS": "2"}
    child = f'exec {sys.executable} -c "$CODE" 3<{os.devnull} 4<{os.devnull}'
    found = subprocess.run(
        ["sh", "-c", child],
        env={**environment, "CODE": code},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[3, 4] [False, False]"
