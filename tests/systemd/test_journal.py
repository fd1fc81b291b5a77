"""What an operator reads in the journal."""

import pytest
from support.systemd.machine import Machine, event

pytestmark = pytest.mark.booted


def test_a_jobs_story_is_told_by_its_id(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit(face="single_face.jpg")
    machine.run("lipsyncctl", "wait", job)
    matches = ("_SYSTEMD_UNIT=lipsyncd.service", f"LIPSYNCD_JOB_ID={job}")
    story = machine.entries(*matches, least=3)
    assert [entry["LIPSYNCD_EVENT"] for entry in story] == [
        "JOB_ACCEPTED",
        "JOB_STARTED",
        "JOB_FINISHED",
    ]
    assert {entry["SYSLOG_IDENTIFIER"] for entry in story} == {"lipsyncd"}
    assert {entry["LIPSYNCD_OWNER_UID"] for entry in story} == {"0"}
    assert int(story[-1]["LIPSYNCD_FRAMES"]) == 88
    assert float(story[-1]["LIPSYNCD_FPS"]) > 0


def test_priority_err_shows_nothing_when_a_job_fails_through_its_input(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit(face="no_face.mp4")
    assert machine.tried("lipsyncctl", "wait", job).returncode == 65
    (failed,) = machine.entries(event("JOB_FAILED"), least=1)
    assert failed["PRIORITY"] == "5"
    assert failed["LIPSYNCD_ERROR"] == "input.no_face"
    machine.run("systemctl", "stop", "lipsyncd")
    assert machine.entries("--priority=err", "--unit=lipsyncd") == []


def test_the_catalog_explains_each_event_to_an_operator(machine: Machine) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", 'checkpoint = "/nowhere.safetensors"\n')
    machine.tried("systemctl", "start", "lipsyncd")
    machine.entry(event("LOAD_FAILED"))
    explained = machine.run("journalctl", "--catalog", event("LOAD_FAILED"))
    assert any(line.startswith("░░") or line.startswith("-- ") for line in explained.splitlines())


def test_names_of_users_files_do_not_reach_the_journal(machine: Machine) -> None:
    home = machine.new_user("alice", "lipsync")
    face = str(home / "telling.jpg")
    machine.run("mv", str(home / "single_face.jpg"), face)
    machine.run("systemctl", "start", "lipsyncd")
    words = ("--voice", str(home / "paper.wav"), face, "--output", str(home / "out.mp4"))
    machine.run("lipsyncctl", "run", *words, user="alice")
    machine.entry(event("JOB_FINISHED"))
    entries = machine.entries("--unit=lipsyncd")
    assert [entry for entry in entries if "telling" in str(entry) or "paper" in str(entry)] == []
