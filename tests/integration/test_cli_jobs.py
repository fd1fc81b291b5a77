"""`lipsyncctl list`, `status`, `fetch` and `cancel`: the jobs that are there."""

import os
import re
import termios
from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages, started
from support.client.session import Client
from support.daemon.inprocess import Daemon, living
from support.daemon.renderers import Gate, endless, raising

from lipsyncctl.show.grid import width
from lipsyncd.errors import NoFace


def test_list_is_a_table_of_the_jobs(client: Client, gate: Gate, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(2)]
    gate.at.get()
    gate.let_go(1)
    gate.at.get()
    headings, *rows = lipsyncctl(tmp_path, "list").stdout.splitlines()
    assert headings.split() == ["ID", "STATE", "PROGRESS", "FACE", "VOICE", "AGE"]
    assert [row.split()[:2] for row in rows] == [[jobs[0], "running"], [jobs[1], "queued"]]
    assert "33 %" in rows[0]
    assert "speaker.mp4  hello.wav" in rows[1]


def test_an_empty_list_has_headings_only(daemon: Daemon, tmp_path: Path) -> None:
    assert len(lipsyncctl(tmp_path, "list").stdout.splitlines()) == 1


def test_list_shows_the_newest_and_says_that_there_are_more(client: Client, tmp_path: Path) -> None:
    jobs = [client.submit(tmp_path) for _ in range(3)]
    ended = lipsyncctl(tmp_path, "list", "--limit", "2")
    assert [row.split()[0] for row in ended.stdout.splitlines()[1:]] == jobs[1:]
    assert "the newest 2; `lipsyncctl list --all` shows every job" in ended.stderr
    assert "This is the newest; " in lipsyncctl(tmp_path, "list", "--limit", "1").stderr
    assert lipsyncctl(tmp_path, "list", "--limit", "3").stderr == ""


def test_list_shows_more_jobs_than_fit_into_a_message(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(205)]
        for words, count in ((("--all",), 205), (("--limit", "204"), 204), ((), 50)):
            (message,) = messages(lipsyncctl(tmp_path, "list", "--json", *words).stdout)
            assert [job["id"] for job in message["jobs"]] == jobs[-count:]


def test_list_shows_the_jobs_in_one_state_however_many_others_there_are(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        dropped = [client.submit(tmp_path) for _ in range(2)]
        for job in dropped:
            client.ask("cancel", job=job)
        for _ in range(3):
            client.submit(tmp_path)
        for words, shown in ((("--limit", "1"), dropped[1:]), (("--all",), dropped)):
            ended = lipsyncctl(tmp_path, "list", "--state", "cancelled", *words)
            assert [row.split()[0] for row in ended.stdout.splitlines()[1:]] == shown
        assert "usage: lipsyncctl list" in lipsyncctl(tmp_path, "list", "--state", "asleep").stderr


def test_list_shows_the_jobs_with_one_label_however_many_others_there_are(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        client.submit(tmp_path)
        hers = lipsyncctl(tmp_path, "submit", *RENDER, "--label", "anna b.").stdout.strip()
        for _ in range(2):
            client.submit(tmp_path)
        headings, row = lipsyncctl(tmp_path, "list", "--label", "anna b.").stdout.splitlines()
        assert headings.split()[:2] == ["ID", "USER"]
        assert row.startswith(hers) and "/anna b." in row
        assert lipsyncctl(tmp_path, "list", "-q", "--label", "anna b.").stdout.split() == [hers]
        assert lipsyncctl(tmp_path, "list", "-q", "--label", "anna").stdout == ""
        assert "1 to 64" in lipsyncctl(tmp_path, "list", "--label", "a" * 65).stderr


@pytest.fixture
def waiting(client: Client, gate: Gate, tmp_path: Path) -> list[str]:
    """Two jobs, behind one that runs."""
    client.submit(tmp_path)
    gate.at.get()
    return [client.submit(tmp_path) for _ in range(2)]


def test_status_shows_the_place_of_a_waiting_job(waiting: list[str], tmp_path: Path) -> None:
    assert "place     2nd" in lipsyncctl(tmp_path, "status", waiting[1]).stdout.splitlines()


@pytest.mark.usefixtures("waiting")
def test_list_shows_the_places_of_waiting_jobs(tmp_path: Path) -> None:
    _, _, *rows = lipsyncctl(tmp_path, "list").stdout.splitlines()
    assert [row.split()[2] for row in rows] == ["1st", "2nd"]


def test_list_is_one_message_for_programs(client: Client, tmp_path: Path) -> None:
    job = client.submit(tmp_path)
    (message,) = messages(lipsyncctl(tmp_path, "list", "--json").stdout)
    assert message["verb"] == "listed"
    assert [each["id"] for each in message["jobs"]] == [job]


def test_a_table_fits_onto_the_terminal(daemon: Daemon, tmp_path: Path) -> None:
    name = f"{'日本' * 40}.mp4"
    (tmp_path / name).write_bytes(b"face")
    lipsyncctl(tmp_path, "submit", "-a", "hello.wav", name)
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with started(tmp_path, "list", stdout=theirs) as process:
        process.wait()
        told = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    os.close(theirs)
    assert max(map(width, told)) <= 80
    assert "…  hello.wav  " in told[1]
    assert name in lipsyncctl(tmp_path, "list").stdout


def test_a_file_name_cannot_steer_the_terminal(daemon: Daemon, tmp_path: Path) -> None:
    name = "\033[2Jface\n.mp4"
    (tmp_path / name).write_bytes(b"face")
    job = lipsyncctl(tmp_path, "submit", "-a", "hello.wav", name).stdout.strip()
    table = lipsyncctl(tmp_path, "list").stdout
    assert len(table.splitlines()) == 2
    assert "\033" not in table + lipsyncctl(tmp_path, "status", job).stdout


def test_status_tells_why_a_job_failed(tmp_path: Path) -> None:
    error = NoFace("No face was found in any frame.", "Choose another clip.")
    with living(tmp_path, raising(error)) as daemon, daemon.client() as client:
        job = client.submit(tmp_path, crf=20)
        client.end_of(job)
        ended = lipsyncctl(tmp_path, "status", job)
    assert ended.returncode == 0
    parts = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines())
    assert (parts["job"], parts["state"]) == (job, "failed")
    assert parts["options"] == "crf 20"
    assert parts["error"] == f"{error.message} {error.hint}"


@pytest.mark.parametrize("words", [("status",), ("cancel",), ("fetch", "-o", "out.mp4")])
def test_an_unknown_job_has_an_exit_code_of_its_own(
    daemon: Daemon, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = lipsyncctl(tmp_path, *words, "nothing")
    assert ended.returncode == 5
    assert ended.stderr.startswith("lipsyncctl: There is no job nothing.")


def test_fetch_writes_a_result_as_often_as_it_is_asked(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        for name in ("one.mp4", "two.mp4"):
            ended = lipsyncctl(tmp_path, "fetch", job, "-o", name)
            assert (ended.returncode, ended.stdout) == (0, f"{name}: 9 bytes\n")
            assert (tmp_path / name).read_bytes() == b"facevoice"


def test_there_is_nothing_to_fetch_before_the_end(client: Client, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    job = client.submit(tmp_path)
    ended = lipsyncctl(tmp_path, "fetch", job, "-o", "results/out.mp4")
    assert ended.returncode == 1
    assert os.listdir(tmp_path / "results") == []


def test_cancel_returns_when_the_jobs_have_ended(tmp_path: Path) -> None:
    with living(tmp_path, endless) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(2)]
        assert lipsyncctl(tmp_path, "cancel", *jobs).returncode == 0
        assert [client.job(job)["state"] for job in jobs] == ["cancelled", "cancelled"]


def test_what_has_ended_cannot_be_cancelled(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        ended = lipsyncctl(tmp_path, "cancel", job)
    assert ended.returncode == 1
    assert "has succeeded already" in ended.stderr


def test_logs_tell_a_job_from_its_acceptance_to_its_end_also_without_a_journal(
    tmp_path: Path,
) -> None:
    error = NoFace("No face was found in any frame.", "Choose another clip.")
    with living(tmp_path, raising(error)) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        lines = lipsyncctl(tmp_path, "logs", job).stdout.splitlines()
        (message,) = messages(lipsyncctl(tmp_path, "logs", job, "--json").stdout)
    words = [line.split("  ", 1)[1] for line in lines]
    assert words == ["accepted", "rendering", f"failed. {error.message} {error.hint}"]
    assert [each["state"] for each in message["changes"]] == ["queued", "running", "failed"]


def test_who_keeps_too_much_is_told_how_to_make_room_and_that_works(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        client.end_of(client.submit(tmp_path))
        daemon.toml.write_text("[retention]\nmax_bytes_per_user = 8\n")
        client.ask("reload")
        refused = lipsyncctl(tmp_path, "submit", *RENDER)
        assert refused.returncode == 6
        assert "ended jobs of one user" in refused.stderr
        (hint,) = re.findall("`lipsyncctl (.+?)`", refused.stderr)
        assert lipsyncctl(tmp_path, *hint.split()).returncode == 0
        assert lipsyncctl(tmp_path, "submit", *RENDER).returncode == 0


def test_a_reader_that_leaves_early_is_no_error_worth_a_traceback(
    client: Client, tmp_path: Path
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        ended = lipsyncctl(tmp_path, "list", stdout=theirs)
    finally:
        os.close(theirs)
    assert ended.returncode == 1
    assert ended.stderr == ""
