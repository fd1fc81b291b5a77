"""When a job is rendered and when not at all: what `submit` and `run` take along."""

from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import endless


def submit(directory: Path, *words: str) -> str:
    ended = lipsyncctl(directory, "submit", *RENDER, *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_the_terms_reach_the_daemon(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    words = ["--priority", "low", "--expires", "2h", "--max-runtime", "90", "--key", "take 1"]
    job = client.job(submit(tmp_path, *words))
    assert (job["priority"], job["key"], job["max_runtime"]) == ("low", "take 1", 90)
    assert job["expires_at"] == pytest.approx(job["created_at"] + 7200)


def test_status_and_list_show_them(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    client.submit(tmp_path)
    job = submit(tmp_path, "--priority", "low", "--expires", "2h", "--max-runtime", "15m")
    told = lipsyncctl(tmp_path, "status", job).stdout
    parts = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert (parts["priority"], parts["place"]) == ("low", "1st")
    assert parts["expires"].endswith(", in 2 h")
    assert parts["max"] == "runtime  15 min"
    assert "queued (low)" in lipsyncctl(tmp_path, "list").stdout.splitlines()[-1]


def test_the_same_key_is_the_same_job(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    jobs = {submit(tmp_path, "--key", "take 1") for _ in range(3)}
    assert [job["id"] for job in client.ask("list")["jobs"]] == list(jobs)


def test_a_key_of_another_job_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    job = submit(tmp_path, "--key", "take 1")
    ended = lipsyncctl(tmp_path, "submit", *RENDER, "--key", "take 1", "--crf", "20")
    assert ended.returncode == 2
    assert job in ended.stderr


def test_without_a_key_each_submission_is_a_job(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    assert submit(tmp_path) != submit(tmp_path)


def test_a_key_is_for_one_face(daemon: Daemon, client: Client, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "submit", *RENDER, "hello.wav", "--key", "take 1")
    assert ended.returncode == 2
    assert "A key is for one job." in ended.stderr
    assert client.ask("list")["jobs"] == []


@pytest.mark.parametrize(
    "words",
    [("--expires", "soon"), ("--max-runtime", "0"), ("--priority", "urgent"), ("--key", "")],
)
def test_terms_that_make_no_sense_are_a_usage_error(tmp_path: Path, words: tuple[str, str]) -> None:
    ended = lipsyncctl(tmp_path, "submit", *RENDER, *words)
    assert ended.returncode == 2
    assert f"argument {words[0]}: " in ended.stderr


def test_a_job_that_is_of_no_use_any_more_expires(daemon: Daemon, tmp_path: Path) -> None:
    submit(tmp_path)
    ended = lipsyncctl(tmp_path, "wait", submit(tmp_path, "--expires", "0.2s"))
    assert ended.returncode == 3
    assert ": expired. " in ended.stderr


def test_a_render_that_takes_too_long_expires(tmp_path: Path) -> None:
    with living(tmp_path, endless):
        words = ["--max-runtime", "0.2s", "-o", "out.mp4"]
        ended = lipsyncctl(tmp_path, "run", *RENDER, *words)
    assert ended.returncode == 3
    assert ": expired. " in ended.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_a_full_queue_says_when_another_attempt_is_worth_it(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False, max_jobs=1):
        submit(tmp_path)
        ended = lipsyncctl(tmp_path, "submit", *RENDER)
        (error,) = messages(lipsyncctl(tmp_path, "submit", "--json", *RENDER).stdout)
    assert ended.returncode == 6
    assert "at most 1 jobs in all may wait" in ended.stderr
    assert ended.stderr.endswith(" Try again in 1 s.\n")
    assert (error["name"], error["retryable"]) == ("queue.full", True)


def test_how_many_of_several_were_accepted_is_told(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False, max_jobs=3):
        faces = [f"{number}.mp4" for number in range(4)]
        for name in (*faces, "bye.wav"):
            (tmp_path / name).write_bytes(b"one of the files")
        first = lipsyncctl(tmp_path, "submit", "-a", "bye.wav", *faces)
        assert (first.returncode, len(first.stdout.split())) == (6, 3)
        assert "3 of 4 jobs accepted; not handed in: 3.mp4" in first.stderr
        again = lipsyncctl(tmp_path, "submit", "-a", "bye.wav", *faces)
        assert (again.returncode, again.stdout) == (6, first.stdout)
