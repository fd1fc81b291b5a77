"""`hold`, `release` and `move`: the line as its users arrange it, for good and to nobody's loss."""

import logging
import os
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate

from lipsyncd.errors import JobNotQueued, UnknownJob
from lipsyncd.queue.store.line import MOST_DEEDS
from lipsyncd.system.journal import fields_of


def submit(directory: Path, *words: str) -> str:
    return lipsyncctl(directory, "submit", *RENDER, *words).stdout.strip()


def line(client: Client) -> list[str]:
    """The jobs that wait, by their places."""
    placed = [job for job in client.ask("list")["jobs"] if "position" in job]
    return [job["id"] for job in sorted(placed, key=lambda job: job["position"])]


@pytest.fixture
def three(daemon: Daemon, client: Client, gate: Gate, tmp_path: Path) -> list[str]:
    """Jobs that wait, while another one runs."""
    client.submit(tmp_path)
    gate.at.get()
    return [client.submit(tmp_path) for _ in range(3)]


def test_a_job_that_is_held_is_not_begun_until_it_is_let_go(
    client: Client, gate: Gate, three: list[str], tmp_path: Path
) -> None:
    held = lipsyncctl(tmp_path, "hold", three[0])
    assert f"is held until `lipsyncctl release {three[0]}`" in held.stderr
    assert line(client) == three[1:]
    assert client.ask("health")["held"] == 1
    assert "  held " in lipsyncctl(tmp_path, "list").stdout
    assert "place     held\n" in lipsyncctl(tmp_path, "status", three[0]).stdout
    gate.let_go(1000)
    for job in three[1:]:
        client.end_of(job)
    assert client.job(three[0])["state"] == "queued"
    told = lipsyncctl(tmp_path, "release", three[0]).stderr
    assert "waits again" in told
    client.end_of(three[0])
    assert client.job(three[0])["held"] is False


def test_a_hold_outlives_the_daemon(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        job, other = submit(tmp_path), submit(tmp_path)
        client.ask("hold", job=job)
    with living(tmp_path) as daemon, daemon.client() as client:
        client.end_of(other)
        assert client.job(job)["held"] is True
        client.ask("release", job=job)
        client.end_of(job)


def test_a_job_that_was_held_comes_into_the_line_at_its_end(
    client: Client, three: list[str]
) -> None:
    client.ask("hold", job=three[0])
    client.ask("release", job=three[0])
    client.ask("release", job=three[1])  # which was not held
    assert line(client) == [three[1], three[2], three[0]]


def test_jobs_change_places_with_those_of_the_same_user(
    client: Client, three: list[str], tmp_path: Path
) -> None:
    moments = sorted(client.job(job)["queued_at"] for job in three)
    (told,) = messages(lipsyncctl(tmp_path, "--json", "move", three[2]).stdout)
    assert (told["verb"], told["job"]["position"]) == ("moved", 1)
    assert line(client) == [three[2], three[0], three[1]]
    lipsyncctl(tmp_path, "move", three[2], "--last")
    assert line(client) == three
    assert sorted(client.job(job)["queued_at"] for job in three) == moments


def test_a_job_is_brought_before_another_one(
    client: Client, three: list[str], tmp_path: Path
) -> None:
    told = lipsyncctl(tmp_path, "move", three[2], "--before", three[1])
    assert "is moved: 2nd." in told.stderr
    assert line(client) == [three[0], three[2], three[1]]
    lipsyncctl(tmp_path, "move", three[0], "--before", three[1][:6])
    assert line(client) == [three[2], three[0], three[1]]


def test_a_job_is_brought_before_none_of_another_line(
    client: Client, three: list[str], tmp_path: Path
) -> None:
    low, running = submit(tmp_path, "--priority", "low"), client.ask("list")["jobs"][0]["id"]
    client.ask("hold", job=three[2])
    for other in (low, running, three[2], three[0]):
        ended = lipsyncctl(tmp_path, "move", three[0], "--before", other)
        assert ended.returncode == JobNotQueued.code
        assert f"Job {other} does not wait in one line with {three[0]}." in ended.stderr
    unknown = lipsyncctl(tmp_path, "move", three[0], "--before", "0000")
    assert unknown.returncode == UnknownJob.code
    assert line(client) == [*three[:2], low]


def test_what_is_done_to_a_job_is_told_to_its_owner_and_in_the_journal(
    client: Client, three: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, _, last = three
    with caplog.at_level(logging.INFO, "lipsyncd"):
        for verb in ("hold", "hold", "release", "release"):
            client.ask(verb, job=first)
        client.ask("move", job=first, to="last")  # where it is
        client.ask("move", job=first, to="first")
    told = lipsyncctl(tmp_path, "logs", first).stdout.splitlines()
    assert [row[27:] for row in told] == ["accepted", "held", "released", "moved"]
    assert [row[27:] for row in lipsyncctl(tmp_path, "logs", last).stdout.splitlines()] == [
        "accepted"
    ]
    entries = [
        fields_of(record) for record in caplog.records if "LIPSYNCD_BY_UID" in fields_of(record)
    ]
    assert [each["LIPSYNCD_EVENT"] for each in entries] == ["JOB_HELD", "JOB_RELEASED", "JOB_MOVED"]
    assert {each["LIPSYNCD_JOB_ID"] for each in entries} == {first}
    assert {each["LIPSYNCD_BY_UID"] for each in entries} == {str(os.getuid())}
    assert entries[0]["MESSAGE"] == f"job {first}: held by uid {os.getuid()}"


def test_the_newest_deeds_of_a_job_are_kept(client: Client, three: list[str]) -> None:
    for _ in range(MOST_DEEDS // 2 + 5):
        client.ask("hold", job=three[0])
        client.ask("release", job=three[0])
    deeds = client.ask("recount", job=three[0])["deeds"]
    assert len(deeds) == MOST_DEEDS
    assert deeds == sorted(deeds, key=lambda each: each["at"])
    assert [each["what"] for each in deeds[-2:]] == ["held", "released"]


def test_a_job_passes_none_of_a_higher_priority(
    client: Client, three: list[str], tmp_path: Path
) -> None:
    low = [submit(tmp_path, "--priority", "low") for _ in range(2)]
    client.ask("move", job=low[1], to="first")
    assert line(client) == [*three, low[1], low[0]]


@pytest.mark.parametrize("verb", [("hold",), ("release",), ("move",)])
def test_only_a_job_that_waits_can_be_arranged(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path, verb: tuple[str]
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    running = lipsyncctl(tmp_path, *verb, job)
    assert running.returncode == JobNotQueued.code
    assert f"Job {job} is running." in running.stderr
    assert lipsyncctl(tmp_path, *verb, "0000").returncode == UnknownJob.code


def test_a_job_that_is_held_is_let_go_before_it_is_moved(
    client: Client, three: list[str], tmp_path: Path
) -> None:
    client.ask("hold", job=three[0])
    ended = lipsyncctl(tmp_path, "move", three[0])
    assert ended.returncode == JobNotQueued.code
    assert f"`lipsyncctl release {three[0]}`" in ended.stderr


def test_a_job_that_ends_is_held_no_more(client: Client, three: list[str], tmp_path: Path) -> None:
    client.ask("hold", job=three[0])
    client.ask("cancel", job=three[0])
    assert client.job(three[0])["held"] is False
    assert client.ask("health")["held"] == 0
