"""Ctrl-C in `lipsyncctl`: once leaves the job to the daemon, twice cancels it."""

import signal
import socket
from pathlib import Path

from support.client.command import RENDER, lipsyncctl, messages, read_until, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, endless


def job_of(client: Client) -> dict[str, object]:
    (job,) = client.ask("list")["jobs"]
    return job


def test_ctrl_c_leaves_the_job_and_tells_how_to_come_back(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    with started(tmp_path, "run", *RENDER, "-o", "my out.mp4") as process:
        read_until(process, "running")
        process.send_signal(signal.SIGINT)
        notices = read_until(process, "Ctrl-C again")
        assert process.wait() == 130
    job = job_of(client)
    assert job["state"] == "running"
    assert f"`lipsyncctl wait {job['id']} -o 'my out.mp4'`" in notices
    gate.let_go()
    assert lipsyncctl(tmp_path, "wait", str(job["id"]), "-o", "my out.mp4").returncode == 0
    assert (tmp_path / "my out.mp4").read_bytes() == b"facevoice"


def test_the_way_back_names_the_socket_that_was_given(tmp_path: Path) -> None:
    with living(tmp_path, endless):
        given = ["--socket", str(tmp_path / "control.sock")]
        with started(tmp_path, *given, "run", *RENDER, "-o", "out.mp4") as process:
            read_until(process, "running")
            process.send_signal(signal.SIGINT)
            assert f"wait --socket {given[1]} " in read_until(process, "Come back")
            read_until(process, "Ctrl-C again")
            process.send_signal(signal.SIGINT)
            process.wait()


def test_ctrl_c_twice_cancels_the_job(tmp_path: Path) -> None:
    with living(tmp_path, endless) as daemon, daemon.client() as client:
        with started(tmp_path, "run", "--json", *RENDER, "-o", "out.mp4") as process:
            read_until(process, "running")
            process.send_signal(signal.SIGINT)
            read_until(process, "Ctrl-C again")
            process.send_signal(signal.SIGINT)
            answer, _ = process.communicate()
        assert process.returncode == 3
        assert messages(answer)[-1]["verb"] == "cancelled"
        assert job_of(client)["state"] == "cancelled"
    assert not (tmp_path / "out.mp4").exists()


def test_ctrl_c_before_the_job_is_accepted_just_ends(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        with started(tmp_path, "run", *RENDER, "-o", "out.mp4") as process:
            session, _ = listener.accept()
            session.recv(1)
            process.send_signal(signal.SIGINT)
            _, notices = process.communicate()
            session.close()
    assert process.returncode == 130
    assert "Traceback" not in notices


def test_ctrl_c_in_wait_leaves_the_job(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    job = client.submit(tmp_path)
    with started(tmp_path, "wait", job) as process:
        read_until(process, "running")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    assert client.job(job)["state"] == "running"
