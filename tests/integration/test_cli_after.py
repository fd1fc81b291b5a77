"""`submit --after ID`: a job that comes after another one has succeeded, and fails without that."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, Steps

from lipsyncd.errors import JobForsaken, NoFace, UnknownJob
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options

FAILING = 50


@pytest.fixture
def daemon(tmp_path: Path, gate: Gate) -> Iterator[Daemon]:
    """It renders one job at a time, step by step; there is no face for some."""

    def render(options: Options, paths: Paths, *more: object) -> Steps:
        yield from gate.render(options, paths, *more)
        if options.crf == FAILING:
            raise NoFace("There is no face.", "Take another.")

    with living(tmp_path, render) as daemon:
        yield daemon
        gate.let_go(1000)


def submit(directory: Path, *words: str) -> str:
    done = lipsyncctl(directory, "submit", *RENDER, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_job_is_begun_once_the_one_before_it_has_succeeded(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    first = submit(tmp_path)
    gate.at.get()
    second, other = submit(tmp_path, "--after", first[:6]), submit(tmp_path)
    assert client.job(second)["after"] == first
    assert "position" not in client.job(second)
    assert f"place     after {first}\n" in lipsyncctl(tmp_path, "status", second).stdout
    gate.let_go(1000)
    ended = [client.end_of(job) for job in (first, second, other)]
    assert {job["state"] for job in ended} == {"succeeded"}
    assert ended[1]["started_at"] >= ended[0]["ended_at"]


def test_a_job_fails_when_the_one_before_it_has(client: Client, gate: Gate, tmp_path: Path) -> None:
    first = submit(tmp_path, "--crf", str(FAILING))
    second = submit(tmp_path, "--after", first)
    third = submit(tmp_path, "--after", second)
    gate.let_go(1000)
    for job, before in ((second, first), (third, second)):
        ended = client.end_of(job)
        assert (ended["state"], ended["attempts"]) == ("failed", 0)
        assert ended["error"]["name"] == JobForsaken.name
        assert before in ended["error"]["message"]
    again = lipsyncctl(tmp_path, "retry", third).stdout.strip()
    assert client.end_of(again)["state"] == "succeeded"


def test_nothing_comes_after_what_has_failed_or_is_unknown(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    gate.let_go(1000)
    first = submit(tmp_path, "--crf", str(FAILING))
    client.end_of(first)
    late = lipsyncctl(tmp_path, "submit", *RENDER, "--after", first)
    assert (late.returncode, late.stdout) == (JobForsaken.code, "")
    assert f"Job {first} has failed, and nothing comes after it." in late.stderr
    assert (
        lipsyncctl(tmp_path, "submit", *RENDER, "--after", "0" * 12).returncode == UnknownJob.code
    )


def test_the_record_of_what_has_succeeded_may_go_before_what_comes_after_it(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    first = submit(tmp_path)
    second = submit(tmp_path, "--after", first)
    client.ask("hold", job=second)
    gate.let_go(1000)
    client.end_of(first)
    client.ask("clean", job=first)
    client.ask("release", job=second)
    assert client.end_of(second)["state"] == "succeeded"
