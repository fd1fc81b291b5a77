"""`lipsyncctl retry` and `clean`: what is done with jobs that have ended."""

from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages
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


def test_clean_removes_what_has_ended_and_says_how_much(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        for _ in range(2):
            client.end_of(client.submit(tmp_path))
        ended = lipsyncctl(tmp_path, "clean")
        assert (ended.returncode, ended.stdout) == (0, "2 jobs removed, 18 bytes\n")
        assert client.ask("list")["jobs"] == []
        (message,) = messages(lipsyncctl(tmp_path, "clean", "--json").stdout)
    assert (message["verb"], message["jobs"], message["bytes"]) == ("cleaned", 0, 0)


def test_clean_removes_the_named_jobs_only(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(3)]
        for job in jobs:
            client.end_of(job)
        ended = lipsyncctl(tmp_path, "clean", *jobs[:2])
        assert ended.stdout == "".join(f"{job}: 1 job removed, 9 bytes\n" for job in jobs[:2])
        assert [job["id"] for job in client.ask("list")["jobs"]] == jobs[2:]


def test_what_has_not_ended_is_not_cleaned(client: Client, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    assert lipsyncctl(tmp_path, "clean", job).returncode == 1
    assert lipsyncctl(tmp_path, "clean").stdout == "0 jobs removed, 0 bytes\n"
    assert not client.job(job)["ended_at"]


@pytest.mark.parametrize("verb", ["retry", "clean"])
def test_an_unknown_job_has_its_exit_code(daemon: Daemon, tmp_path: Path, verb: str) -> None:
    assert lipsyncctl(tmp_path, verb, "nothing").returncode == 5
