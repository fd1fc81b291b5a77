"""Restarting is for accidents: what would fail again is left failed, for an operator to see."""

import re

import pytest
from support.media.clips import clip
from support.systemd.machine import VOICE, Machine, event

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


def test_a_render_that_crashes_twice_has_failed_and_nobody_else_notices(machine: Machine) -> None:
    machine.sabotage("poisoned_render")
    machine.run("systemctl", "start", "lipsyncd")
    good, poison, other = machine.submit(), machine.submit("--crf", "51"), machine.submit()
    assert machine.tried("lipsyncctl", "wait", poison).returncode != 0
    machine.run("lipsyncctl", "wait", good, other)
    assert machine.job(poison)["error"]["name"] == "media.crashed"
    assert [machine.job(job)["attempts"] for job in (good, other)] == [1, 1]
    crashes = machine.entries(event("RENDER_CRASHED"))
    assert [each["LIPSYNCD_JOB_ID"] for each in crashes] == [poison] * 2
    assert "Segmentation fault" in crashes[0]["MESSAGE"]
    assert machine.show("NRestarts") == "0"


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
