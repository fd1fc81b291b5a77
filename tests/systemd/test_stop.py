"""A stop finishes what it can, keeps the rest, and takes the socket with it."""

import re
import time

import pytest
from support.systemd.machine import VOICE, Machine, event

pytestmark = pytest.mark.booted

SOCKET = "/run/lipsyncd/control.sock"


def stopped(machine: Machine) -> None:
    """A `systemctl stop` that goes well."""
    machine.run("systemctl", "stop", "lipsyncd")
    assert machine.show("Result") == "success"
    assert machine.show("ExecMainStatus") == "0"


def test_a_job_that_runs_at_a_stop_finishes_and_new_ones_are_refused(machine: Machine) -> None:
    machine.sabotage("slow_render")
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit()
    machine.entry(event("JOB_STARTED"))
    begun = time.time()
    with machine.started("systemctl", "stop", "lipsyncd") as stop:
        machine.entry(event("DRAIN_BEGIN"), since=begun)
        assert machine.show("ActiveState") == "deactivating"
        refused = machine.tried("lipsyncctl", "submit", "--voice", VOICE, VOICE)
        assert refused.returncode == 6, refused
        assert stop.wait() == 0
    assert machine.show("Result") == "success"
    assert machine.show("ExecMainStatus") == "0"
    machine.entry(event("DRAIN_END"), since=begun)
    machine.run("systemctl", "start", "lipsyncd")
    assert machine.job(job)["state"] == "succeeded"
    assert machine.job(job)["attempts"] == 1


def test_a_job_too_long_for_a_stop_is_rendered_after_the_next_start(machine: Machine) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", "[limits]\ndrain_seconds = 1\n")
    machine.sabotage("slow_render")
    machine.run("systemctl", "start", "lipsyncd")
    long, next_one = machine.submit(), machine.submit(face="single_face.jpg")
    machine.entry(event("JOB_STARTED"))
    stopped(machine)
    machine.run("systemctl", "start", "lipsyncd")
    machine.run("lipsyncctl", "wait", long, next_one)
    assert machine.job(long)["attempts"] == 1, "an attempt that a stop broke off was counted"


def test_a_stop_takes_longer_than_its_timeout_while_frames_advance(machine: Machine) -> None:
    machine.sabotage("slow_render", "TimeoutStopSec=2s")
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit()
    machine.entry(event("JOB_STARTED"))
    stopped(machine)
    machine.run("systemctl", "start", "lipsyncd")
    assert machine.job(job)["attempts"] == 1
    assert machine.job(job)["state"] == "succeeded"


def test_a_stop_stops_the_socket_a_question_starts_nothing_and_a_job_does(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    stopped(machine)
    machine.wait_until("ActiveState", "inactive", "lipsyncd.socket")
    assert not machine.inside(SOCKET).exists()

    machine.run("systemctl", "start", "lipsyncd.socket")
    for question, code in (("list", 7), ("info", 7), ("status x", 7), ("health", 2)):
        asked = machine.tried("lipsyncctl", *question.split())
        assert asked.returncode == code
        assert "lipsyncd.service is stopped. `systemctl start lipsyncd`" in asked.stderr
    assert machine.show("ActiveState") == "inactive"
    with machine.client() as client:
        assert client.wait() == 0, client.stderr.read()


def test_who_may_not_or_cannot_connect_is_told_what_helps_and_that_works(machine: Machine) -> None:
    machine.new_user("alice", "lipsync")
    machine.new_user("bob", "users")
    away = machine.tried("lipsyncctl", "list", user="alice")
    assert f"no socket at {SOCKET}, the system's, and none at /run/user/" in away.stderr
    (command,) = re.findall("`(systemctl [^`]*)`", away.stderr)
    machine.run(*command.split())
    refused = machine.tried("lipsyncctl", "list", user="bob")
    (command,) = re.findall("`(usermod [^`]*)`", refused.stderr)
    machine.run(*command.split())
    machine.run("lipsyncctl", "list", user="bob")
    words = ("submit", "-a", VOICE, "/home/alice/single_face.jpg")
    job = machine.run("lipsyncctl", *words, user="alice")
    machine.run("lipsyncctl", "wait", job, user="alice")
    story = machine.run("lipsyncctl", "logs", job, user="alice").splitlines()
    assert [line.split()[2].strip(",") for line in story[:3]] == [
        "accepted",
        "rendering",
        "succeeded",
    ]
    assert machine.tried("lipsyncctl", "logs", job[:6], user="bob").returncode == 5


def test_a_stop_is_heard_whichever_thread_the_kernel_hands_the_signal_to(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    main = machine.show("MainPID")
    threads = machine.run("ls", f"/proc/{main}/task").split()
    machine.run("kill", "-TERM", next(thread for thread in threads if thread != main))
    machine.wait_until("ActiveState", "inactive")
    assert machine.show("Result") == "success"
