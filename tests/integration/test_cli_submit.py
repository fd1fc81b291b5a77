"""`lipsyncctl submit`: a job for each face, and bare ids for scripts."""

from pathlib import Path

import pytest
from support.client.command import RENDER, lipsyncctl, messages
from support.client.session import Client
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate


def test_submit_prints_the_bare_ids_in_order(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "other.mp4").write_bytes(b"another face")
    ended = lipsyncctl(tmp_path, "submit", *RENDER, "other.mp4")
    assert ended.returncode == 0
    faces = [client.job(job)["face"] for job in ended.stdout.splitlines()]
    assert faces == ["speaker.mp4", "other.mp4"]


def test_submit_answers_with_a_message_for_each_job(daemon: Daemon, tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "submit", "--json", *RENDER, "hello.wav")
    assert [message["verb"] for message in messages(ended.stdout)] == ["accepted", "accepted"]


def test_the_inputs_may_be_removed_once_they_are_submitted(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    job = lipsyncctl(tmp_path, "submit", *RENDER).stdout.strip()
    (tmp_path / "speaker.mp4").unlink()
    (tmp_path / "hello.wav").unlink()
    gate.let_go()
    client.end_of(job)
    assert client.result_of(job) == b"facevoice"


def test_a_name_that_is_not_text_is_no_obstacle(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "na\udcffme.mp4").write_bytes(b"face")
    ended = lipsyncctl(tmp_path, "submit", "--json", "-a", "hello.wav", "na\udcffme.mp4")
    (message,) = messages(ended.stdout)
    assert message["job"]["face"] == "na\udcffme.mp4"


@pytest.mark.parametrize(
    "words",
    [
        ("--box", "1,2,3"),
        ("--box", "4,4,2,2"),
        ("--box", "here"),
        ("--crf", "52"),
        ("--crf", "good"),
        ("--blend", "hard"),
        ("--ble", "box"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(
    daemon: Daemon, client: Client, tmp_path: Path, words: tuple[str, str]
) -> None:
    ended = lipsyncctl(tmp_path, "submit", *words, *RENDER)
    assert ended.returncode == 2
    assert ended.stderr
    assert client.ask("list")["jobs"] == []


def test_a_daemon_that_is_stopping_is_worth_another_attempt_later(
    daemon: Daemon, client: Client, gate: Gate, tmp_path: Path
) -> None:
    client.submit(tmp_path)
    gate.at.get()
    daemon.stop()
    while client.ask("health")["state"] != "draining":
        pass
    ended = lipsyncctl(tmp_path, "submit", "--json", *RENDER)
    assert ended.returncode == 6
    assert messages(ended.stdout)[0]["retryable"] is True


def test_where_one_file_cannot_be_opened_no_job_is_handed_in(
    daemon: Daemon, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "last.mp4").write_bytes(b"face")
    ended = lipsyncctl(tmp_path, "submit", *RENDER, "missing.mp4", ".", "last.mp4")
    assert (ended.returncode, ended.stdout) == (65, "")
    told = ended.stderr.splitlines()
    assert told[0].startswith(
        "lipsyncctl: missing.mp4 cannot be opened: No such file or directory."
    )
    assert told[1:] == [
        "lipsyncctl: . is a folder. Name a file in it.",
        "lipsyncctl: No job was handed in.",
    ]
    assert client.ask("list")["jobs"] == []


def test_what_a_verb_does_not_know_is_refused_with_its_own_usage(tmp_path: Path) -> None:
    ended = lipsyncctl(tmp_path, "list", "--colour", "red")
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: lipsyncctl list ")


def test_an_error_for_programs_has_a_verb_as_every_message(daemon: Daemon, tmp_path: Path) -> None:
    (message,) = messages(lipsyncctl(tmp_path, "status", "nothing", "--json").stdout)
    assert (message["verb"], message["name"]) == ("error", "job.unknown")
