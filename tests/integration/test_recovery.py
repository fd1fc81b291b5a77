"""Whatever kills the daemon, an accepted job is still there in its next life."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support.client.session import Client
from support.daemon.process import spawn
from support.daemon.stepped import PROGRAM, SteppedDaemon, stepped_daemon

from lipsyncd.errors import StateBusy, StateNewer
from lipsyncd.protocol.connection import Connection

KILL, CRASH = signal.SIGKILL, signal.SIGSEGV


def spooled(directory: Path) -> list[str]:
    spool = directory / "state/spool"
    return sorted(str(path.relative_to(spool)) for path in spool.rglob("*"))


def test_a_job_whose_render_was_killed_is_rendered_in_the_next_life(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.let_go(1)
        daemon.come_to("step 2")
        daemon.end(KILL)
    assert f"{job}/result.part" in spooled(tmp_path)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        daemon.come_to("step 1")
        assert client.job(job)["state"] == "running"
        daemon.let_go()
        ended = client.end_of(job)
        assert (ended["state"], ended["attempts"]) == ("succeeded", 2)
        assert client.result_of(job) == b"facevoice"
    assert spooled(tmp_path) == [job, *(f"{job}/{name}" for name in ("face", "result", "voice"))]


def test_waiting_jobs_keep_their_order(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(3)]
        daemon.come_to("step 1")
        daemon.end(KILL)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        daemon.let_go(9)
        ended = [client.end_of(job) for job in jobs]
    started = [job["started_at"] for job in ended]
    assert started == sorted(started)
    assert [job["attempts"] for job in ended] == [2, 1, 1]


def test_a_job_accepted_while_the_models_load_survives(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path, "slow") as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.end(KILL)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        daemon.let_go()
        assert client.end_of(job)["attempts"] == 1


def test_a_job_that_ended_in_an_earlier_life_can_be_waited_for_and_fetched(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.let_go()
        before = client.end_of(job)
        daemon.end(KILL)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        assert client.end_of(job) == before
        assert client.result_of(job) == b"facevoice"


def test_a_job_that_no_life_ends_fails_at_the_tenth_and_the_next_one_runs(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        deadly, good = client.submit(tmp_path), client.submit(tmp_path)
        daemon.come_to("step 1")
        daemon.end(CRASH)
    for _ in range(9):
        with stepped_daemon(tmp_path) as daemon:
            daemon.come_to("step 1")
            daemon.end(CRASH)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        ended = client.end_of(deadly)
        assert (ended["state"], ended["attempts"]) == ("failed", 10)
        assert ended["error"]["name"] == "job.interrupted"
        daemon.let_go()
        assert client.end_of(good)["state"] == "succeeded"
    kept = [deadly, f"{deadly}/face", f"{deadly}/voice"]
    kept += [good, *(f"{good}/{name}" for name in ("face", "result", "voice"))]
    assert spooled(tmp_path) == sorted(kept)


def test_a_lost_device_ends_the_daemon_and_keeps_the_job(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path, "gpu.lost") as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.let_go()
        assert daemon.wait() == 74
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        daemon.let_go()
        ended = client.end_of(job)
        assert (ended["state"], ended["attempts"]) == ("succeeded", 2)


def test_no_accepted_job_is_lost_however_the_daemon_is_killed(tmp_path: Path) -> None:
    accepted: list[str] = []
    chance = random.Random(7)
    for _ in range(8):
        with stepped_daemon(tmp_path, "slow") as daemon, daemon.client() as client:
            accepted += [client.submit(tmp_path) for _ in range(2)]  # however slow the machine is
            timer = threading.Timer(chance.uniform(0, 0.1), daemon.process.kill)
            timer.start()
            with pytest.raises(EOFError):
                while True:
                    accepted.append(client.submit(tmp_path))
            timer.join()
    with stepped_daemon(tmp_path, "slow") as daemon, daemon.client() as client:
        listed = [job["id"] for job in client.ask("list")["jobs"]]
    assert [job for job in listed if job in accepted] == accepted
    assert len(listed) <= len(accepted) + 8  # killed between the commit and the reply
    assert sorted(name for name in spooled(tmp_path) if "/" not in name) == sorted(listed)


@pytest.mark.parametrize("deleted", [(), ("state/lock",)])
def test_two_daemons_never_share_a_state(tmp_path: Path, deleted: tuple[str, ...]) -> None:
    with stepped_daemon(tmp_path) as daemon:
        for name in deleted:
            (tmp_path / name).unlink()
        second = SteppedDaemon(tmp_path, socket=tmp_path / "other.sock")
        assert second.process.communicate()[0] == ""
        assert second.wait() == StateBusy.code
        with daemon.client() as client:
            assert client.ask("health")["ready"]


def test_an_earlier_version_which_locks_a_file_only_is_not_joined(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with (tmp_path / "state" / "lock").open("w") as earlier:
        fcntl.flock(earlier, fcntl.LOCK_EX)
        second = SteppedDaemon(tmp_path)
        assert second.process.communicate()[0] == ""
        assert second.wait() == StateBusy.code


def test_a_newer_state_is_refused_by_its_exit_code(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon:
        daemon.end(signal.SIGTERM)
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version=99')"
    store = str(tmp_path / "state/jobs.sqlite")
    subprocess.run([sys.executable, "-c", script, store], check=True)
    newer = SteppedDaemon(tmp_path)
    assert newer.process.communicate()[0] == ""
    assert newer.wait() == StateNewer.code


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def test_a_client_that_came_before_the_daemon_is_served_by_a_passed_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as early:
        listener.bind(path)
        listener.listen()
        early.connect(path)
        passed = str(listener.fileno())
        daemon = ["-m", PROGRAM, "none", "--state", str(tmp_path / "state")]
        how: dict[str, Any] = {"pass_fds": [listener.fileno()], "stdout": subprocess.DEVNULL}
        with spawn("-c", ACTIVATE, passed, *daemon, log=tmp_path / "log", **how) as process:
            with Connection(early) as connection:
                assert Client(connection).ask("health")["verb"] == "reported"
            process.terminate()
        assert process.returncode == 0
        assert os.path.exists(path)
