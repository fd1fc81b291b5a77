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


def test_what_crashes_at_once_ends_in_failed_and_what_lipsyncctl_says_then_starts_it(
    machine: Machine,
) -> None:
    machine.sabotage("crash", "RestartSec=100ms")
    machine.tried("systemctl", "start", "lipsyncd")
    machine.wait_until("ActiveState", "failed")
    assert machine.show("NRestarts") == "20"
    machine.run("rm", "-r", "/etc/systemd/system/lipsyncd.service.d")
    machine.run("systemctl", "daemon-reload")
    told = machine.tried("lipsyncctl", "health")
    *_, command = re.findall("`(systemctl reset-failed [^`]*)`", told.stderr)
    machine.run("sh", "-c", command)


def test_five_lives_that_end_badly_end_in_failed_for_all_to_see(machine: Machine) -> None:
    machine.sabotage("slow_load", "RestartSec=100ms")
    machine.run("systemctl", "start", "--no-block", "lipsyncd")
    begun = (
        entry
        for entry in machine.following("_SYSTEMD_UNIT=lipsyncd.service")
        if ", pid " in entry["MESSAGE"]
    )
    for entry, _ in zip(begun, range(5), strict=False):
        machine.run("kill", "-KILL", entry["_PID"])
    machine.wait_until("ActiveState", "failed")
    assert machine.show("NRestarts") == "5"
    assert machine.show("ExecMainStatus") == "71"
    assert "lipsyncd.service" in machine.run("systemctl", "--failed", "--no-legend")
    loud = machine.entries("--priority=err", "--unit=lipsyncd")
    assert any("ended badly 5 times within 10 minutes" in each["MESSAGE"] for each in loud)
    assert machine.show("ActiveState", "lipsyncd.socket") == "active"
    machine.run("rm", "-r", "/etc/systemd/system/lipsyncd.service.d")
    machine.run("systemctl", "daemon-reload")
    told = machine.tried("lipsyncctl", "health")
    assert told.returncode == 2
    *_, command = re.findall("`(systemctl start [^`]*)`", told.stderr)
    machine.run(*command.split())
    assert machine.run("lipsyncctl", "health").startswith("ready")


def test_restarts_by_hand_do_not_count_and_neither_they_nor_a_crash_touch_the_socket(
    machine: Machine,
) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    socket = machine.inside("/run/lipsyncd/control.sock").stat().st_ino
    for _ in range(6):
        machine.run("systemctl", "restart", "lipsyncd")
    machine.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "lipsyncd")
    with machine.client() as client:
        assert client.wait() == 0, client.stderr.read()
    assert machine.show("NRestarts") == "1"
    assert machine.inside("/run/lipsyncd/control.sock").stat().st_ino == socket


def test_who_waits_for_a_daemon_that_cannot_start_is_told_why_and_it_is_tried_once_for_each(
    machine: Machine,
) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", "max_active = 3\n")
    machine.run("systemctl", "start", "lipsyncd.socket")
    words = ("submit", "--voice", VOICE, str(clip("single_face.jpg")))
    for _ in range(6):
        refused = machine.tried("lipsyncctl", *words)
        assert refused.returncode == 78
        assert "lipsyncd.toml: max_active is no key. It belongs under [render]." in refused.stderr
    assert machine.show("ActiveState", "lipsyncd.socket") == "active"
    assert len(machine.entries(event("LOAD_FAILED"), least=6)) == 6
    assert "lipsyncd.service has failed" in machine.tried("lipsyncctl", "health").stderr
    machine.write("/etc/lipsyncd/lipsyncd.toml", "")
    machine.run("lipsyncctl", *words)


def test_a_render_that_crashes_twice_has_failed_and_nobody_else_notices(machine: Machine) -> None:
    machine.sabotage("poisoned_render")
    machine.run("systemctl", "start", "lipsyncd")
    good, poison, other = machine.submit(), machine.submit("--crf", "51"), machine.submit()
    assert machine.tried("lipsyncctl", "wait", poison).returncode != 0
    machine.run("lipsyncctl", "wait", good, other)
    assert machine.job(poison)["error"]["name"] == "media.crashed"
    assert [machine.job(job)["attempts"] for job in (good, other)] == [1, 1]
    crashes = machine.entries(event("RENDER_CRASHED"), least=2)
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
