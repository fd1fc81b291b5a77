"""`lipsyncctl retry`: jobs that have ended without a result, once more."""

from pathlib import Path

import pytest
from support.client.command import lipsyncctl
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import raising


def failed_jobs(client: Client, directory: Path, count: int) -> list[str]:
    jobs = [client.submit(directory, crf=20) for _ in range(count)]
    for job in jobs:
        client.end_of(job)
    return jobs


def test_retry_prints_the_bare_ids_of_new_jobs(tmp_path: Path) -> None:
    with living(tmp_path, raising(ValueError("a fault"))) as daemon, daemon.client() as client:
        old = failed_jobs(client, tmp_path, 2)
    with living(tmp_path) as daemon, daemon.client() as client:
        ended = lipsyncctl(tmp_path, "retry", *old)
        new = ended.stdout.split()
        assert ended.returncode == 0
        assert lipsyncctl(tmp_path, "wait", *new).returncode == 0
        jobs = [client.job(job) for job in new]
        told = lipsyncctl(tmp_path, "status", new[0]).stdout
    assert [job["retry_of"] for job in jobs] == old
    assert [job["options"]["crf"] for job in jobs] == [20, 20]
    assert f"retry of  {old[0]}" in told


def test_what_has_succeeded_is_not_retried_and_does_not_hide_the_others(tmp_path: Path) -> None:
    with living(tmp_path, raising(ValueError("a fault"))) as daemon, daemon.client() as client:
        (bad,) = failed_jobs(client, tmp_path, 1)
    with living(tmp_path) as daemon, daemon.client() as client:
        good = client.submit(tmp_path)
        client.end_of(good)
        ended = lipsyncctl(tmp_path, "retry", good, bad)
    assert ended.returncode == 1
    assert len(ended.stdout.split()) == 1


@pytest.mark.parametrize("verb", ["retry", "clean"])
def test_an_unknown_job_has_its_exit_code(daemon: Daemon, tmp_path: Path, verb: str) -> None:
    assert lipsyncctl(tmp_path, verb, "nothing").returncode == 5
