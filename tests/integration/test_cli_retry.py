"""`lipsyncctl retry`: jobs that have ended without a result, once more."""

from pathlib import Path

import pytest
from support.client.command import lipsyncctl
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Steps, raising

from lipsyncd.errors import NoFace
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options

FAILING = 99  # where the stretch of a redo begins that fails


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


def test_a_redo_is_a_new_job_with_the_options_of_the_old_one_and_its_own(tmp_path: Path) -> None:
    with living(tmp_path, with_work) as daemon, daemon.client() as client:
        old = client.submit(tmp_path, crf=20, expression=0.5)
        client.end_of(old)
        words = ("--redo", "1:02-1:05.5", "--blend", "box", "--audio-offset", "-40")
        ended = lipsyncctl(tmp_path, "retry", old, *words)
        assert ended.returncode == 0, ended.stderr
        new = ended.stdout.strip()
        client.end_of(new)
        told = lipsyncctl(tmp_path, "status", new).stdout
        job, first = client.job(new), client.job(old)
        result = client.result_of(new)
    assert (job["redo_of"], job["retry_of"], job["state"]) == (old, None, "succeeded")
    chosen = {"from": 62.0, "to": 65.5, "blend": "box", "audio_offset": -40}
    assert job["options"] == first["options"] | chosen
    assert f"redo of   {old}" in told
    assert result == b"made by crf 20 from what crf 20 made"


def test_a_redo_that_failed_is_retried_as_a_redo(tmp_path: Path) -> None:
    with living(tmp_path, with_work) as daemon, daemon.client() as client:
        old = client.submit(tmp_path)
        client.end_of(old)
        bad = lipsyncctl(tmp_path, "retry", old, "--redo", f"{FAILING}-").stdout.strip()
        assert client.end_of(bad)["state"] == "failed"
        client.ask("clean", job=old)
        again = lipsyncctl(tmp_path, "retry", bad).stdout.strip()
        job = client.end_of(again)
    assert (job["retry_of"], job["redo_of"]) == (bad, old)
    assert job["error"]["message"] == "It failed with what crf None made."


def test_what_cannot_be_redone_says_what_to_do(tmp_path: Path) -> None:
    with living(tmp_path, raising(ValueError("a fault"))) as daemon, daemon.client() as client:
        (bad,) = failed_jobs(client, tmp_path, 1)
    with living(tmp_path) as daemon, daemon.client() as client:
        done = client.submit(tmp_path)  # its render keeps no work
        client.end_of(done)
        said = [lipsyncctl(tmp_path, "retry", job, "--redo", "1-2") for job in (bad, done)]
        back = lipsyncctl(tmp_path, "retry", done, "--redo", "2-1")
        who = lipsyncctl(tmp_path, "retry", done, "--redo", "1-2", "--who", "left right")
        bare = lipsyncctl(tmp_path, "retry", bad, "--expression", "0.5")
    assert [each.returncode for each in said] == [1, 65]
    assert f"Repeat all of it: `lipsyncctl retry {bad}`." in said[0].stderr
    assert "The work is no longer in the spool. Submit the job again." in said[1].stderr
    assert "a stretch from 2 cannot end at 1" in back.stderr
    assert "there are 1 voices, and who names 2 of those who speak" in who.stderr
    assert "Leave the options out, or add --redo." in bare.stderr
    assert [each.returncode for each in (back, who, bare)] == [2, 2, 2]


def test_what_has_not_ended_is_not_redone(client: Client, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    ended = lipsyncctl(tmp_path, "retry", job, "--redo", "1-2")
    assert (ended.returncode, "Wait for it first." in ended.stderr) == (1, True)


def with_work(options: Options, paths: Paths, *_: object) -> Steps:
    """A render that keeps what it has made, as a render of pictures does."""
    made = f"crf {options.crf}"
    if paths.earlier:
        made = f"{made} from what {paths.earlier.read_text()} made"
    if options.from_ == FAILING:
        raise NoFace(f"It failed with what {(paths.earlier or paths.work).read_text()} made.", "")
    paths.work.write_text(made)
    paths.result.write_text(f"made by {made}")
    yield Progress(3, 3, 3)


@pytest.mark.parametrize("verb", ["retry", "clean"])
def test_an_unknown_job_has_its_exit_code(daemon: Daemon, tmp_path: Path, verb: str) -> None:
    assert lipsyncctl(tmp_path, verb, "nothing").returncode == 5
