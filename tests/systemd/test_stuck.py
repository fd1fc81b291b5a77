"""A file system that does not answer holds a process; neither a stop nor a start waits for that."""

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
BEGIN = "systemctl start lipsyncd"
SHORT = ("TimeoutStopSec=1s", "TimeoutAbortSec=1s", "RestartSec=100ms")


@contextmanager
def hanging(machine: Machine, *lines: str) -> Iterator[tuple[str, str]]:
    """A process that hangs in alice's file system: an accepted job, and the connection's number.

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
    """The connection in which the process hangs, once it does."""
    words = ("--voice", "/home/alice/paper.wav", f"{FOLDER}/face.jpg")
    refused = machine.tried("lipsyncctl", "submit", *words, user="alice")
    assert refused.returncode == 65, refused
    device = machine.run("findmnt", "--noheadings", "--output=MAJ:MIN", FOLDER)
    return device.split(":")[1].strip()


def typed(machine: Machine, command: str) -> str:
    """What a command of the manual says."""
    assert command in MANUAL.read_text(encoding="utf-8"), f"the manual does not say {command}"
    return machine.run("sh", "-c", command)


def found(machine: Machine, number: str) -> str:
    """The process that hangs, by the commands that look."""
    typed(machine, CONTROL)
    (line,) = typed(machine, THREADS).splitlines()
    waiting = f"/sys/fs/fuse/connections/{number}/waiting:1"
    assert waiting in typed(machine, WAITING).splitlines()
    return line.split()[0]


def freed(machine: Machine, pid: str, number: str) -> None:
    """The command that frees does."""
    assert ABORT in MANUAL.read_text(encoding="utf-8")
    machine.run("sh", "-c", ABORT.replace("N", number))
    machine.run("timeout", "60", "sh", "-c", f"while [ -e /proc/{pid} ]; do sleep 0.1; done")


def test_a_stop_ends_though_a_file_does_not_answer_and_the_next_start_goes_on(
    machine: Machine,
) -> None:
    with hanging(machine, "TimeoutStopSec=1s") as (job, number):
        pid = found(machine, number)
        assert pid != machine.show("MainPID")
        machine.run("systemctl", "stop", "lipsyncd")
        machine.entry(event("DRAIN_END"))
        assert machine.show("ActiveState") == "failed"
        typed(machine, BEGIN)
        machine.run("lipsyncctl", "wait", job)
        freed(machine, found(machine, number), number)


def test_a_daemon_that_is_killed_comes_back_by_itself_though_a_file_does_not_answer(
    machine: Machine,
) -> None:
    with hanging(machine, *SHORT) as (job, number):
        machine.run("kill", "-KILL", machine.show("MainPID"))
        machine.run("lipsyncctl", "wait", job)
        assert machine.job(job)["attempts"] == 2
        assert machine.show("NRestarts") == "1"
        freed(machine, found(machine, number), number)
