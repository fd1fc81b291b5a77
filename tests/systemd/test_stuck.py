"""A file system that does not answer holds the daemon; the commands of the manual free it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.paths import ROOT
from support.systemd.machine import Machine, event

pytestmark = pytest.mark.booted

MANUAL = ROOT / "systemd/README.md"
FOLDER = "/mnt/silent"
# From the manual, in its order.
CONTROL = "systemctl start sys-fs-fuse-connections.mount"
THREADS = "ps -eLo pid,tid,stat,wchan:32,comm | grep request_wait_answer"
WAITING = "grep -H . /sys/fs/fuse/connections/*/waiting"
ABORT = "echo 1 > /sys/fs/fuse/connections/N/abort"
BEGIN = (
    "systemctl reset-failed lipsyncd.socket lipsyncd.service",
    "systemctl start lipsyncd.socket lipsyncd.service",
)
SHORT = ("TimeoutStopSec=1s", "TimeoutAbortSec=1s", "RestartSec=100ms")


@contextmanager
def hanging(machine: Machine, *lines: str) -> Iterator[tuple[str, str]]:
    """A daemon that hangs in alice's file system: an accepted job, and the connection's number.

    Whatever happens, nobody hangs any more at the end.
    """
    if not machine.inside("/dev/fuse").exists():
        pytest.skip("the kernel has no FUSE here: there is no /dev/fuse")
    machine.new_user("alice", "lipsync")
    machine.write("/etc/lipsyncd/lipsyncd.toml", "[limits]\ndrain_seconds = 1\n")
    machine.sabotage("slow_render", *lines)
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit()
    machine.run("mkdir", FOLDER)
    words = (sys.executable, str(ROOT / "tests/support/disk/hanging.py"), FOLDER)
    with machine.started(*words, machine.run("id", "--user", "alice")) as server:
        try:
            assert server.stdout.readline() == "mounted\n", server.stderr.read()
            yield job, number_of_connection(machine)
        finally:
            server.kill()  # who serves no more is aborted by the kernel


def number_of_connection(machine: Machine) -> str:
    """The connection in which the daemon hangs, once it does."""
    words = ("--voice", "/home/alice/paper.wav", f"{FOLDER}/face.jpg")
    refused = machine.tried("lipsyncctl", "submit", *words, user="alice")
    assert refused.returncode == 65, refused
    device = machine.run("findmnt", "--noheadings", "--output=MAJ:MIN", FOLDER)
    return device.split(":")[1].strip()


def typed(machine: Machine, command: str) -> str:
    """What a command of the manual says."""
    assert command in MANUAL.read_text(encoding="utf-8"), f"the manual does not say {command}"
    return machine.run("sh", "-c", command)


def found(machine: Machine, pid: str, number: str) -> None:
    """The commands that look say who hangs, and where."""
    typed(machine, CONTROL)
    assert pid in {line.split()[0] for line in typed(machine, THREADS).splitlines()}
    waiting = f"/sys/fs/fuse/connections/{number}/waiting:1"
    assert waiting in typed(machine, WAITING).splitlines()


def freed(machine: Machine, pid: str, number: str) -> None:
    """The command that frees does."""
    assert ABORT in MANUAL.read_text(encoding="utf-8")
    machine.run("sh", "-c", ABORT.replace("N", number))
    machine.run("timeout", "20", "sh", "-c", f"while [ -e /proc/{pid} ]; do sleep 0.1; done")


def test_a_stop_that_hangs_ends_at_the_command_of_the_manual_and_loses_no_job(
    machine: Machine,
) -> None:
    with hanging(machine, "TimeoutStopSec=1s") as (job, number):
        pid = machine.show("MainPID")
        with machine.started("systemctl", "stop", "lipsyncd") as stop:
            machine.wait_until("SubState", "sigkill")
            found(machine, pid, number)
            freed(machine, pid, number)
            assert stop.wait() == 0
        machine.entry(event("DRAIN_END"))
        for command in BEGIN:
            typed(machine, command)
        machine.run("lipsyncctl", "wait", job)


def test_a_killed_daemon_that_hangs_is_freed_by_the_commands_of_the_manual_and_loses_no_job(
    machine: Machine,
) -> None:
    with hanging(machine, "WatchdogSec=4s", *SHORT) as (job, number):
        pid = machine.show("MainPID")
        machine.run("kill", "-KILL", pid)
        machine.wait_until("ActiveState", "failed")
        assert machine.tried("systemctl", "start", "lipsyncd").returncode != 0
        found(machine, pid, number)
        freed(machine, pid, number)
        for command in BEGIN:
            typed(machine, command)
        machine.run("lipsyncctl", "wait", job)
        assert machine.job(job)["attempts"] == 2
