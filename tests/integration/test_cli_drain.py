"""`lipsyncctl drain` and `resume`: a queue that takes and starts nothing, and says so."""

from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages, read_until, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate

SENTENCE = "The queue is drained: new disks."


@pytest.fixture
def job(client: Client, gate: Gate, tmp_path: Path) -> str:
    """It runs, another one waits, and the queue is drained."""
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.at.get()
    ended = lipsyncctl(tmp_path, "drain", "--reason", "new disks")
    assert ended.returncode == 0
    assert "1 running, 1 queued" in ended.stdout
    return jobs[0]


@pytest.mark.usefixtures("job")
def test_a_drained_queue_takes_nothing_and_says_why(tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "submit", *RENDER)
    assert ended.returncode == 6
    assert SENTENCE in ended.stderr


@pytest.mark.usefixtures("job")
def test_health_info_and_list_say_so(tmp_path: Path) -> None:
    health = lipsyncctl(tmp_path, "health")
    assert health.returncode == 1
    assert health.stdout.splitlines()[0] == f"ready on none, 1 running, 1 queued. {SENTENCE}"
    assert f"paused      {SENTENCE}" in lipsyncctl(tmp_path, "info").stdout.splitlines()
    assert lipsyncctl(tmp_path, "list").stderr == f"lipsyncctl: {SENTENCE}\n"
    assert messages(lipsyncctl(tmp_path, "health", "--json").stdout)[0]["paused"] == SENTENCE


def test_who_waits_is_told(client: Client, gate: Gate, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.at.get()
    with started(tmp_path, "wait", jobs[1]) as process:
        read_until(process, ": queued, 1st")
        lipsyncctl(tmp_path, "drain", "--reason", "new disks")
        read_until(process, SENTENCE)
        status = lipsyncctl(tmp_path, "status", jobs[1]).stdout
        lipsyncctl(tmp_path, "resume")
        read_until(process, "The queue goes on.")
        gate.let_go(6)
        assert process.wait() == 0
    assert f"place     1st, once it goes on ({SENTENCE})" in status.splitlines()


@pytest.mark.usefixtures("job")
def test_who_waits_for_the_first_is_told(gate: Gate, tmp_path: Path) -> None:
    other = lipsyncctl(tmp_path, "list").stdout.splitlines()[-1].split()[0]
    with started(tmp_path, "wait", "--any", other) as process:
        read_until(process, SENTENCE)
        lipsyncctl(tmp_path, "resume")
        gate.let_go(6)
        read_until(process, "The queue goes on.")
        assert process.wait() == 0


def test_what_runs_goes_on_and_what_waits_stays(
    client: Client, gate: Gate, job: str, tmp_path: Path
) -> None:
    gate.let_go(6)
    assert lipsyncctl(tmp_path, "wait", job).returncode == 0
    assert client.ask("health")["queued"] == 1


@pytest.mark.usefixtures("job")
def test_resume_ends_it(client: Client, gate: Gate, tmp_path: Path) -> None:
    gate.let_go(1000)
    ended = lipsyncctl(tmp_path, "resume")
    assert ended.returncode == 0
    assert ended.stdout.startswith("resumed: jobs are taken and started again")
    assert lipsyncctl(tmp_path, "health").returncode == 0
    assert lipsyncctl(tmp_path, "run", *RENDER, "-o", "out.mp4").returncode == 0


def test_a_drain_without_a_reason_needs_none(daemon: Daemon, tmp_path: Path) -> None:
    assert lipsyncctl(tmp_path, "drain").returncode == 0
    assert lipsyncctl(tmp_path, "health").returncode == 1


def test_a_restart_does_not_end_a_drain(tmp_path: Path) -> None:
    with living(tmp_path):
        lipsyncctl(tmp_path, "drain", "--reason", "new disks")
    with living(tmp_path):
        assert SENTENCE in lipsyncctl(tmp_path, "submit", *RENDER).stderr
        assert lipsyncctl(tmp_path, "resume", "--json").returncode == 0
        assert lipsyncctl(tmp_path, "submit", *RENDER).returncode == 0
