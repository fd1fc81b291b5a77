"""What one user does at worst, and what another has of the daemon meanwhile; with real uids."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.daemon.users import Crowd, User, served

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

MEMBERS = 4100  # the group that may connect, known by its number only
ROOT = User(0, (0,))
DAEMON = User(4000, (4000, MEMBERS))
ALICE = User(4001, (4001, MEMBERS))
BOB = User(4002, (4002, MEMBERS))
NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}
NOW_OR_NEVER = "[limits]\ndrain_seconds = 0\n"  # what never ends does not hold up the stop
RESULTS, RECORDS = 5, 8


@contextmanager
def crowd_before(toml: str) -> Iterator[Crowd]:
    """All users, before a daemon that is configured so."""
    directory = Path(tempfile.mkdtemp(prefix="lipsyncd-"))
    directory.chmod(0o755)  # unlike those of pytest, which let nobody in
    try:
        with served(directory, DAEMON, MEMBERS, toml) as crowd:
            yield crowd
    finally:
        shutil.rmtree(directory)


def submit(crowd: Crowd, user: User, face: str = "face", **terms: object) -> str:
    """A job of this user; its id."""
    return str(crowd.ask(user, "submit", face, "voice", **NAMES, terms=terms)["job"]["id"])


def end_of(crowd: Crowd, user: User, job: str) -> Any:
    """Asked for again and again: a wait that never ends would keep the crowd from leaving."""
    while (found := crowd.ask(user, "status", job=job)["job"])["ended_at"] is None:
        pass
    return found


def states(crowd: Crowd, user: User) -> list[str]:
    """Of this user's jobs, as they came."""
    return [job["state"] for job in crowd.ask(user, "list")["jobs"]]


def test_two_endless_jobs_of_one_user_do_not_hold_up_the_job_of_another() -> None:
    with crowd_before(NOW_OR_NEVER) as crowd:
        for _ in range(3):
            submit(crowd, BOB, "hangs")
        while states(crowd, BOB).count("running") < 2:
            pass
        for _ in range(3):
            assert end_of(crowd, ALICE, submit(crowd, ALICE))["state"] == "succeeded"
        assert states(crowd, BOB) == ["running", "running", "queued"]


def test_the_endless_job_of_a_user_ends_at_the_limit_of_the_operator() -> None:
    with crowd_before(NOW_OR_NEVER + "max_runtime_seconds = 1\n") as crowd:
        ended = end_of(crowd, BOB, submit(crowd, BOB, "hangs", max_runtime=3600))
        assert (ended["state"], ended["error"]["name"]) == ("expired", "job.expired")
        assert "the 1 s that the operator allows" in ended["error"]["message"]


def test_a_flood_of_ended_jobs_leaves_anothers_result_record_and_key() -> None:
    bounds = f"max_results = {RESULTS}\nmax_records = {RECORDS}\ngrace_minutes = 0\n"
    with crowd_before(f"{NOW_OR_NEVER}[retention]\n{bounds}") as crowd:
        hers = submit(crowd, ALICE, key="hers")
        assert end_of(crowd, ALICE, hers)["state"] == "succeeded"
        for number in range(3 * RECORDS):
            job = submit(crowd, BOB, "fails" if number % 2 else "face")
            end_of(crowd, BOB, job)
        while len(jobs := crowd.ask(ROOT, "list")["jobs"]) > RECORDS:
            pass
        assert len(jobs) == RECORDS
        assert [each["id"] for each in crowd.ask(ALICE, "list")["jobs"]] == [hers]
        assert crowd.ask(ALICE, "fetch", job=hers)["content"] == "facevoice"
        assert submit(crowd, ALICE, key="hers") == hers
        assert crowd.ask(BOB, "fetch", job=jobs[-2]["id"])["content"] == "facevoice"
