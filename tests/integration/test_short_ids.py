"""A job may be named by the beginning of its id, by its owner alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.client.command import lipsyncctl
from support.daemon.inprocess import living, session_of, with_controlplane

from lipsyncd.errors import UnknownJob
from lipsyncd.protocol.options import Options
from lipsyncd.queue.transitions import new_job

ALICE, BOB = 1000, 2000
IDS = "k3v9q2m7x0ab", "k3v9q2zzzzzz", "k3v8q2m7x0ab"


def test_a_beginning_that_only_one_job_of_the_owner_has_stands_for_it(tmp_path: Path) -> None:
    with with_controlplane(tmp_path) as controlplane:
        for name in IDS:
            job = new_job(ALICE, "speaker.mp4", "hello.wav", Options())
            controlplane.store.add(replace(job, id=name))
        with session_of(ALICE, controlplane) as client:
            assert client.job("k3v8")["id"] == IDS[2]
            assert client.job("k3v9q2m")["id"] == IDS[0]
            with pytest.raises(UnknownJob, match="Several of your jobs begin with k3v9"):
                client.job("k3v9")
            for nothing in ("k3v", "", "kkkk", "k3v8q2m7x0abc", "~~~~", "k3v8'"):
                with pytest.raises(UnknownJob, match="There is no job"):
                    client.job(nothing)


def test_a_beginning_tells_nobody_anything_about_jobs_of_others(tmp_path: Path) -> None:
    with with_controlplane(tmp_path) as controlplane:
        job = new_job(ALICE, "speaker.mp4", "hello.wav", Options())
        controlplane.store.add(replace(job, id=IDS[0]))
        mine = new_job(BOB, "speaker.mp4", "hello.wav", Options())
        controlplane.store.add(replace(mine, id=IDS[1]))
        with session_of(BOB, controlplane) as client:
            assert client.job("k3v9")["id"] == IDS[1]
            for theirs in ("k3v9q2m", IDS[0]):
                with pytest.raises(UnknownJob, match=f"There is no job {theirs}."):
                    client.job(theirs)


@pytest.mark.parametrize(
    "words", ["status", "wait", "wait --any", "follow", "fetch -o out.mp4", "logs", "clean"]
)
def test_every_verb_takes_a_beginning(tmp_path: Path, words: str) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        ended = lipsyncctl(tmp_path, *words.split(), job[:6])
        assert ended.returncode == 0, ended.stderr


def test_what_was_cancelled_is_retried_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        assert lipsyncctl(tmp_path, "cancel", job[:6]).returncode == 0
        again = lipsyncctl(tmp_path, "retry", job[:6]).stdout.strip()
        assert client.job(again)["retry_of"] == job
