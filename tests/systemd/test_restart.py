"""Restarting is for accidents: what would fail again is left failed, for an operator to see."""

import re

import pytest
from booted import VOICE, Machine, event
from clips import clip

pytestmark = pytest.mark.booted


def test_a_bad_configuration_is_not_started_again(machine: Machine) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", "batches = 3\n")
    assert machine.tried("systemctl", "start", "lipsyncd").returncode != 0
    assert machine.show("ActiveState") == "failed"
    assert machine.show("ExecMainStatus") == "78"
    assert machine.show("NRestarts") == "0"
    assert "batches" in machine.show("StatusText")


def test_five_crashes_in_a_row_end_in_failed_for_all_to_see(machine: Machine) -> None:
    machine.sabotage("crash", "RestartSec=100ms")
    machine.tried("systemctl", "start", "lipsyncd")
    machine.wait_until("ActiveState", "failed")
    assert machine.show("NRestarts") == "5"
    assert "lipsyncd.service" in machine.run("systemctl", "--failed", "--no-legend")
    loud = machine.run("journalctl", "--priority=warning", "--unit=lipsyncd", "--output=cat")
    assert "Start request repeated too quickly" in loud


def test_a_job_that_crashes_the_daemon_twice_is_set_aside_and_all_others_are_done(
    machine: Machine,
) -> None:
    machine.sabotage("poisoned_render", "RestartSec=100ms")
    machine.run("systemctl", "start", "lipsyncd")
    face = str(clip("single_face.mp4"))
    submit = ("lipsyncctl", "submit", "--voice", VOICE, face)
    good = [machine.run(*submit).strip()]
    poison = machine.run(*submit, "--crf", "51").strip()
    good += [machine.run(*submit).strip()]
    assert machine.tried("lipsyncctl", "wait", poison).returncode == 4
    machine.run("lipsyncctl", "wait", *good)
    assert machine.show("NRestarts") == "2"
    assert [machine.job(job)["state"] for job in good] == ["succeeded"] * 2
    (aside,) = machine.entries(event("JOB_QUARANTINED"))
    assert aside["LIPSYNCD_JOB_ID"] == poison
    assert len(machine.entries(event("CRASHED"))) == 2


def test_a_socket_whose_file_was_removed_is_made_anew_by_what_lipsyncctl_says(
    machine: Machine,
) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    machine.run("rm", "/run/lipsyncd/control.sock")
    told = machine.tried("lipsyncctl", "health")
    assert told.returncode == 2
    (command,) = re.findall("`(systemctl restart [^`]*)`", told.stderr)
    machine.run(*command.split())
    with machine.client() as client:
        assert client.wait() == 0, client.stderr.read()


def test_a_drained_queue_is_still_drained_after_a_restart(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    machine.run("lipsyncctl", "drain", "--reason", "a new GPU comes")
    machine.run("systemctl", "restart", "lipsyncd")
    assert "a new GPU comes" in machine.show("StatusText")
    refused = machine.tried("lipsyncctl", "submit", "--voice", VOICE, str(clip("single_face.mp4")))
    assert refused.returncode == 6
    assert "a new GPU comes" in refused.stderr
    machine.run("lipsyncctl", "resume")
    with machine.client() as client:
        assert client.wait() == 0, client.stderr.read()
