"""`lipsyncctl wait`: the exit code is the outcome."""

from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, Render, at_once, raising

from lipsyncd.errors import SilentVoice


@pytest.mark.parametrize(
    "render, code",
    [
        (at_once, 0),
        (raising(SilentVoice("The voice is silent.", "Choose another.")), 65),
        (raising(ValueError("a fault of ours")), 1),
    ],
)
def test_the_exit_code_is_the_outcome(tmp_path: Path, render: Render, code: int) -> None:
    with living(tmp_path, render) as daemon, daemon.client() as client:
        ended = lipsyncctl(tmp_path, "wait", client.submit(tmp_path))
    assert ended.returncode == code


def test_a_cancelled_job_is_an_outcome_of_its_own(client: Client, tmp_path: Path) -> None:
    client.submit(tmp_path)
    job = client.submit(tmp_path)
    client.ask("cancel", job=job)
    assert lipsyncctl(tmp_path, "wait", job).returncode == 3


def test_an_unknown_job_is_no_success_and_does_not_hide_the_others(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        ended = lipsyncctl(tmp_path, "wait", "nothing", job)
    assert ended.returncode == 5
    assert f"job {job}: succeeded" in ended.stdout


def test_wait_writes_the_result_where_it_is_told(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        ended = lipsyncctl(tmp_path, "wait", client.submit(tmp_path), "-o", "out.mp4")
    assert ended.returncode == 0
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_two_results_do_not_go_to_one_place(daemon: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "wait", "one", "two", "-o", "out.mp4")
    assert ended.returncode == 2


def test_wait_tells_programs_how_it_goes(client: Client, gate: Gate, tmp_path: Path) -> None:
    gate.let_go()
    job = client.submit(tmp_path)
    answer = messages(lipsyncctl(tmp_path, "wait", "--json", job).stdout)
    assert answer[-1]["verb"] == "finished"
    assert answer[-1]["job"]["id"] == job
    assert all(message["verb"] == "progressed" for message in answer[:-1])


def test_any_returns_at_the_first_end_and_tells_whose_it_is(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    first, second = client.submit(tmp_path), client.submit(tmp_path)
    with started(tmp_path, "wait", "--any", first, second) as process:
        gate.let_go()
        answer, notices = process.communicate()
    assert (process.returncode, answer, notices) == (0, f"{first}\n", "")
    assert not client.job(second)["ended_at"]


def test_any_has_the_exit_code_of_the_first_and_says_why(client: Client, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(3)]
    client.ask("cancel", job=jobs[2])
    client.ask("cancel", job=jobs[1])
    ended = lipsyncctl(tmp_path, "wait", "--any", *jobs)
    assert (ended.returncode, ended.stdout) == (3, f"{jobs[2]}\n")
    assert ended.stderr == f"lipsyncctl: job {jobs[2]}: cancelled\n"


def test_any_is_one_message_for_programs(client: Client, gate: Gate, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    with started(tmp_path, "wait", "--any", "--json", job) as process:
        gate.let_go()
        (message,) = messages(process.communicate()[0])
    assert (message["verb"], message["job"]["id"]) == ("finished", job)
    assert message["job"]["state"] == "succeeded"


def test_any_writes_the_result_of_the_first(client: Client, gate: Gate, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.let_go()
    ended = lipsyncctl(tmp_path, "wait", "--any", *jobs, "-o", "out.mp4")
    assert ended.returncode == 0
    assert (tmp_path / "out.mp4").read_bytes() == b"facevoice"


def test_any_of_an_unknown_job_is_not_waited_for(client: Client, tmp_path: Path) -> None:
    assert lipsyncctl(tmp_path, "wait", "--any", client.submit(tmp_path), "nothing").returncode == 5


def test_all_is_the_default(client: Client, gate: Gate, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.let_go(6)
    ended = lipsyncctl(tmp_path, "wait", "--all", *jobs)
    assert [line.split()[1] for line in ended.stdout.splitlines()] == [f"{job}:" for job in jobs]


@pytest.mark.parametrize("how", ["--all", "--any"])
def test_who_stops_waiting_in_time_leaves_the_jobs(
    client: Client, gate: Gate, tmp_path: Path, how: str
) -> None:
    job = client.submit(tmp_path)
    ended = lipsyncctl(tmp_path, "wait", how, "--timeout", "0.5s", job)
    assert (ended.returncode, ended.stdout) == (124, "")
    assert ended.stderr.endswith("lipsyncctl: The time is up; what has not ended goes on.\n")
    gate.let_go()
    assert client.end_of(job)["state"] == "succeeded"


def test_programs_are_told_that_the_time_is_up(client: Client, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    answer = lipsyncctl(tmp_path, "wait", "--any", "--json", "--timeout", "0.5s", job).stdout
    assert messages(answer) == [{"verb": "timeout", "seconds": 0.5, "jobs": [job]}]


def test_a_time_limit_that_is_not_reached_changes_nothing(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        ended = lipsyncctl(tmp_path, "wait", "--timeout", "1h", client.submit(tmp_path))
    assert ended.returncode == 0
