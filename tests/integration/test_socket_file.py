"""A daemon whose socket's file is deleted is found again, and nothing it does is disturbed."""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate
from support.daemon.users import User, open_directory, served

from lipsyncd.server import server

DAEMON = User(4000, (4000, 4100))
PAUSE = 0.01  # seconds between two looks at whether something has happened


def until(happened: Callable[[], bool]) -> None:
    """Return once it has; a test that waits too long fails."""
    while not happened():
        time.sleep(PAUSE)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for the pause between two looks of the daemon."""
    monkeypatch.setattr(server, "LOOK_MS", 10)


def test_a_daemon_whose_socket_was_deleted_is_reachable_again_and_its_job_goes_on(
    daemon: Daemon, gate: Gate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = daemon.config.socket
    with daemon.client() as before:
        job = before.submit(tmp_path)
        assert gate.at.get() == 1
        for times in range(1, 4):
            path.unlink()
            until(path.is_socket)
            until(lambda: len(told(caplog)) == times)  # noqa: B023
        gate.let_go()
        assert before.end_of(job)["state"] == "succeeded"
    with daemon.client() as after:
        assert after.result_of(job) == b"facevoice"
        assert after.job(job)["attempts"] == 1


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    return [record.getMessage() for record in warnings]


def test_clients_come_in_while_the_file_is_deleted_again_and_again(daemon: Daemon) -> None:
    is_over = threading.Event()

    def delete() -> None:
        while not is_over.is_set():
            daemon.config.socket.unlink(missing_ok=True)
            is_over.wait(PAUSE)

    thread = threading.Thread(target=delete)
    thread.start()
    welcomed = 0
    while welcomed < 20:
        try:
            with daemon.client() as client:
                welcomed += client.ask("health")["verb"] == "reported"
        except (OSError, EOFError):
            time.sleep(PAUSE)
    is_over.set()
    thread.join()
    until(daemon.config.socket.is_socket)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_socket_that_was_passed_and_deleted_is_an_operators_to_mend() -> None:
    with open_directory() as directory, served(directory, DAEMON, 4100) as crowd:
        (directory / "control.sock").unlink()
        until(lambda: "`systemctl restart lipsyncd.socket`" in crowd.log)
        assert not (directory / "control.sock").exists()
