"""Which jobs `lipsyncctl list` shows, and how; the job that `wait` means if none is named."""

import re
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl
from support.client.session import Client
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate

CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


def ids(directory: Path, *words: str) -> list[str]:
    return lipsyncctl(directory, "list", "-q", *words).stdout.split()


def test_jobs_are_chosen_by_one_state_or_several(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    ended, running, queued, cancelled = (client.submit(tmp_path) for _ in range(4))
    client.ask("cancel", job=cancelled)
    gate.let_go()
    client.end_of(ended)
    while client.job(running)["state"] != "running":
        pass
    assert ids(tmp_path, "--state", "queued") == [queued]
    assert ids(tmp_path, "--state", "queued", "--state", "running") == [running, queued]
    assert ids(tmp_path, "--mine") == [ended, running, queued, cancelled]
    assert ids(tmp_path, "--state", "cancelled", "--limit", "1") == [cancelled]


def test_jobs_are_chosen_by_when_they_were_accepted(daemon: Daemon, tmp_path: Path) -> None:
    job = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    assert ids(tmp_path, "--since", "1h") == [job]
    assert ids(tmp_path, "--since", "2020-02-29T08:00") == [job]
    assert ids(tmp_path, "--since", "2120-02-29") == []
    wrong = lipsyncctl(tmp_path, "list", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "'yesterday' is no time; write 90m, 12h or 7d, or 2026-" in wrong.stderr


def test_a_line_is_what_the_user_wants_it_to_be(daemon: Daemon, tmp_path: Path) -> None:
    job = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    for verb in (["list"], ["status", job]):
        told = lipsyncctl(tmp_path, *verb, "--format", "{face}: {id} {options[crf]}").stdout
        assert told == f"speaker.mp4: {job} None\n"
    wrong = lipsyncctl(tmp_path, "list", "--format", "{colour}")
    assert wrong.returncode == 2
    assert "Write {id} or another of id, owner, face, " in wrong.stderr


@pytest.mark.parametrize("option", ["-t", "--times"])
def test_times_are_shown_by_the_clock_on_demand(
    daemon: Daemon, tmp_path: Path, option: str
) -> None:
    job = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    assert " ago" in lipsyncctl(tmp_path, "status", job).stdout
    for verb in (["list"], ["status", job]):
        assert not CLOCK.search(lipsyncctl(tmp_path, *verb).stdout)
        assert CLOCK.search(lipsyncctl(tmp_path, *verb, option).stdout)


def test_wait_without_an_id_is_for_the_job_that_was_handed_in_last(
    daemon: Daemon, gate: Gate, tmp_path: Path
) -> None:
    nothing = lipsyncctl(tmp_path, "wait")
    assert nothing.returncode == 5
    assert "You have handed in no job" in nothing.stderr
    gate.let_go(1000)
    lipsyncctl(tmp_path, "submit", *RENDER)
    last = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    ended = lipsyncctl(tmp_path, "wait")
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"job {last}: succeeded")


@pytest.mark.parametrize("words", [("run", *RENDER, "-o", "out.mp4"), ("wait",)])
def test_a_command_is_run_by_the_client_when_a_job_has_ended(
    daemon: Daemon, gate: Gate, tmp_path: Path, words: tuple[str, ...]
) -> None:
    gate.let_go(1000)
    lipsyncctl(tmp_path, "submit", *RENDER)
    command = 'echo "$LIPSYNC_JOB $LIPSYNC_STATE $LIPSYNC_FACE $LIPSYNC_OUTPUT" > told; exit 3'
    ended = lipsyncctl(tmp_path, *words, "--on-finish", command)
    assert ended.returncode == 0
    path = str(tmp_path / "out.mp4") if "run" in words else ""
    (last,) = ids(tmp_path, "--limit", "1")
    assert (tmp_path / "told").read_text() == f"{last} succeeded speaker.mp4 {path}\n"
    assert "ended with 3." in ended.stderr
