"""`lipsyncctl wait`: the exit code is the outcome."""

from pathlib import Path

import pytest
from command import lipsyncctl, messages
from living import Client, Daemon, living
from paced import Gate, Render, at_once, raising

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
