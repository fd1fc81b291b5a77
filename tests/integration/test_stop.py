"""A stop finishes what runs, keeps what waits, and ends in time with the right exit code."""

import signal
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, endless
from support.daemon.stepped import stepped_daemon

from lipsyncd.errors import CheckpointMissing, QueueDraining


def wait_for_drain(client: Client) -> None:
    while client.ask("health")["state"] != "draining":
        pass


def test_the_running_job_is_finished_and_its_client_is_told(
    daemon: Daemon, client: Client, tmp_path: Path, gate: Gate
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    with daemon.client() as waiting:
        waiting.say("wait", job=job)
        daemon.stop()
        wait_for_drain(client)
        gate.let_go()
        assert waiting.hear().body["job"]["state"] == "succeeded"
    daemon.ended.wait()
    assert daemon.error is None


def test_new_jobs_are_refused_while_draining(
    daemon: Daemon, client: Client, tmp_path: Path, gate: Gate
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    daemon.stop()
    wait_for_drain(client)
    with pytest.raises(QueueDraining) as caught:
        client.submit(tmp_path)
    assert caught.value.retryable
    assert client.job(job)["state"] == "running"
    with daemon.client() as late:
        assert [each["id"] for each in late.ask("list")["jobs"]] == [job]
    gate.let_go()


def test_jobs_that_waited_run_in_the_next_life(tmp_path: Path) -> None:
    gate = Gate()
    with living(tmp_path, gate.render) as daemon, daemon.client() as client:
        first, second = client.submit(tmp_path), client.submit(tmp_path)
        gate.at.get()
        daemon.stop()
        wait_for_drain(client)
        gate.let_go()
    with living(tmp_path) as daemon, daemon.client() as client:
        assert client.job(first)["state"] == "succeeded"
        assert client.end_of(second)["attempts"] == 1


def test_a_job_that_outlasts_the_drain_goes_back_to_the_queue(tmp_path: Path) -> None:
    with living(tmp_path, endless, drain_seconds=0) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        with daemon.client() as waiting:
            waiting.say("wait", job=job, progress=True)
            while waiting.hear().body["job"]["state"] != "running":
                pass
            daemon.stop()
            with pytest.raises(EOFError):
                while True:
                    waiting.hear()
    with living(tmp_path) as daemon, daemon.client() as client:
        ended = client.end_of(job)
        assert (ended["state"], ended["attempts"]) == ("succeeded", 1)


def test_a_second_signal_cuts_the_drain_short(tmp_path: Path) -> None:
    with living(tmp_path, endless) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        while client.job(job)["state"] != "running":
            pass
        daemon.stop()
        wait_for_drain(client)
        daemon.stop()
        daemon.ended.wait()
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        assert client.job(job)["state"] == "queued"


def test_idle_sessions_are_hung_up_on(daemon: Daemon, client: Client) -> None:
    daemon.stop()
    with pytest.raises(EOFError):
        client.hear()
    daemon.ended.wait()
    assert not daemon.config.socket.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_stop(tmp_path: Path, number: int) -> None:
    with stepped_daemon(tmp_path) as daemon:
        with daemon.client() as client:
            job = client.submit(tmp_path)
            daemon.come_to("step 1")
            daemon.process.send_signal(number)
            daemon.let_go()
            daemon.wait()
        assert daemon.wait() == 0
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        assert client.job(job)["state"] == "succeeded"


def test_a_stop_does_not_wait_for_the_models(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path, "slow") as daemon:
        assert daemon.end(signal.SIGTERM) == 0


def test_a_start_that_fails_ends_with_the_code_of_its_error(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path, "checkpoint.missing") as daemon:
        assert daemon.wait() == CheckpointMissing.code
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[-1].endswith("There is no checkpoint. Put it there.")
    assert not any("Traceback" in line for line in lines)
