"""`lipsyncctl clean`: ended jobs go, those that are meant, and nobody loses a result unasked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.client.command import lipsyncctl, messages, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Steps

from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options

FAILING = 51  # the crf of a render that fails


def render(options: Options, paths: Paths, *_: object) -> Steps:
    if options.crf == FAILING:
        raise NoFace("There is no face.", "Use another.")
    paths.result.write_bytes(b"facevoice")
    yield from ()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with living(tmp_path, render) as daemon:
        yield daemon


@pytest.fixture
def jobs(client: Client, tmp_path: Path) -> list[str]:
    """One whose result was fetched, one whose result was not, and one that failed."""
    ids = [client.submit(tmp_path, crf=crf) for crf in (1, 2, FAILING)]
    for job in ids:
        client.end_of(job)
    client.result_of(ids[0])
    return ids


def left(client: Client) -> list[str]:
    return [job["id"] for job in client.ask("list")["jobs"]]


def test_without_a_word_on_which_it_removes_nothing_and_says_what_to_add(
    client: Client, jobs: list[str], tmp_path: Path
) -> None:
    ended = lipsyncctl(tmp_path, "clean")
    assert ended.returncode == 2
    assert "--fetched, --failed, --older 7d or --all" in ended.stderr
    assert left(client) == jobs


@pytest.mark.parametrize(
    "words, gone",
    [
        ("--fetched", [0]),
        ("--failed", [2]),
        ("--fetched --failed", [0, 2]),
        ("--all", [0, 1, 2]),
        ("--older 1d", []),
        ("--fetched --older 1d", []),
    ],
)
def test_it_removes_the_kinds_that_are_named(
    client: Client, jobs: list[str], tmp_path: Path, words: str, gone: list[int]
) -> None:
    assert lipsyncctl(tmp_path, "clean", *words.split()).returncode == 0
    assert left(client) == [job for at, job in enumerate(jobs) if at not in gone]


def test_it_says_how_much_goes_and_that_results_were_never_fetched(
    client: Client, jobs: list[str], tmp_path: Path
) -> None:
    ended = lipsyncctl(tmp_path, "clean", "--all")
    assert ended.stderr == (
        "lipsyncctl: 3 jobs, 45 bytes; the results of 1 of them were never fetched.\n"
    )
    assert ended.stdout == "3 jobs removed, 45 bytes\n"
    assert "nothing to remove" in lipsyncctl(tmp_path, "clean", "--all").stderr
    assert left(client) == []


def test_a_dry_run_shows_the_jobs_and_leaves_them(
    client: Client, jobs: list[str], tmp_path: Path
) -> None:
    ended = lipsyncctl(tmp_path, "clean", "--failed", "--dry-run")
    _, row = ended.stdout.splitlines()
    assert row.startswith(jobs[2])
    (message,) = messages(lipsyncctl(tmp_path, "clean", "--all", "-n", "--json").stdout)
    assert [job["id"] for job in message["jobs"]] == jobs
    assert left(client) == jobs


@pytest.mark.parametrize("answer, code", [("y", 0), ("n", 1), ("", 1)])
def test_on_a_terminal_it_shows_the_jobs_and_asks(
    client: Client, jobs: list[str], tmp_path: Path, answer: str, code: int
) -> None:
    ours, theirs = os.openpty()
    with started(tmp_path, "clean", jobs[1], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        told = b""
        while b"[y/N]" not in told:
            told += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        assert process.wait() == code
    os.close(ours)
    assert jobs[1] in told.decode()
    assert "its result was never fetched" in told.decode()
    assert (jobs[1] in left(client)) == bool(code)


def test_named_jobs_go_and_one_that_cannot_go_does_not_hide_the_others(
    client: Client, jobs: list[str], tmp_path: Path
) -> None:
    ended = lipsyncctl(tmp_path, "clean", jobs[0], "nothing", jobs[2])
    assert ended.returncode == 5
    assert ended.stdout == "2 jobs removed, 27 bytes\n"
    assert left(client) == jobs[1:2]


def test_what_has_not_ended_is_not_cleaned(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        ended = lipsyncctl(tmp_path, "clean", job)
        assert ended.returncode == 1
        assert f"Job {job} is queued. Cancel it, or wait for it." in ended.stderr
        assert lipsyncctl(tmp_path, "clean", "--all").returncode == 0
        assert left(client) == [job]


def test_several_go_at_once_or_none_of_them(client: Client, jobs: list[str]) -> None:
    with pytest.raises(Exception, match="There is no job nothing"):
        client.ask("clean", jobs=[jobs[0], "nothing"])
    assert left(client) == jobs
    assert client.ask("clean", jobs=jobs)["jobs"] == 3
