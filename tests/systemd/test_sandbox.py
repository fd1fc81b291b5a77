"""The daemon renders what it is handed, and can do nothing else."""

import json
from collections.abc import Callable

import pytest
from support.systemd.machine import PREFIX, Machine, event

pytestmark = pytest.mark.booted

UNITS = ("lipsyncd.service", "lipsyncd.socket", "lipsyncd@cpu.service", "lipsyncd@cpu.socket")
RUN = ("lipsyncctl", "run", "--voice")


def test_who_is_in_the_group_renders_files_that_nobody_else_may_read(machine: Machine) -> None:
    home = machine.new_user("alice", "lipsync")
    machine.run("systemctl", "start", "lipsyncd")
    result = home / "out.mp4"
    files = (str(home / "paper.wav"), str(home / "single_face.jpg"), "--output", str(result))
    machine.run(*RUN, *files, user="alice")
    assert machine.run("stat", "--format=%U", str(result)) == "alice"
    assert machine.inside(str(result)).stat().st_size > 10_000


def test_who_is_outside_the_group_is_refused(machine: Machine) -> None:
    home = machine.new_user("mallory")
    machine.run("systemctl", "start", "lipsyncd.socket")
    words = (str(home / "paper.wav"), str(home / "single_face.jpg"), "-o", str(home / "out.mp4"))
    refused = machine.tried(*RUN, *words, user="mallory")
    assert refused.returncode == 9
    assert "group" in refused.stderr
    assert machine.show("ActiveState") == "inactive", "who may not connect has started the daemon"


def test_a_job_of_another_user_is_none_of_ones_business(machine: Machine) -> None:
    machine.new_user("alice", "lipsync")
    machine.new_user("bob", "lipsync")
    machine.run("systemctl", "start", "lipsyncd")
    words = ("/home/alice/paper.wav", "/home/alice/single_face.jpg")
    job = machine.run("lipsyncctl", "submit", "--voice", *words, user="alice")
    assert machine.tried("lipsyncctl", "status", job, user="bob").returncode == 5
    assert machine.tried("lipsyncctl", "status", job, user="alice").returncode == 0


def test_the_daemon_cannot_reach_what_it_was_not_handed(machine: Machine) -> None:
    machine.new_user("alice", "lipsync")
    machine.run("touch", "/root/secret")
    machine.sabotage("break_out")
    machine.run("systemctl", "start", "lipsyncd")
    outcomes = json.loads(machine.line("fault: ").split(maxsplit=2)[2])
    assert len(outcomes) > 8
    assert [what for what, how in outcomes.items() if how == "done"] == []


def test_all_that_holds_renders_in_is_in_force_under_the_unit(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    cage = json.loads(machine.run("lipsyncctl", "--json", "info"))["cage"]
    assert [name for name, in_force in cage.items() if not in_force] == []


def test_a_daemon_that_lacks_landlock_says_so_and_renders(machine: Machine) -> None:
    machine.drop_in("SystemCallFilter=~landlock_create_ruleset")
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client(face="single_face.jpg") as client:
        assert client.wait() == 0, client.stderr.read()
    assert "not held in by landlock," in machine.entry(event("CAGE_OPEN"))["MESSAGE"]


def test_systemd_finds_nothing_to_say_against_the_units(machine: Machine) -> None:
    verified = machine.tried("systemd-analyze", "verify", *UNITS)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_example_drop_in_for_the_cpu_renders_with_no_device_at_all(machine: Machine) -> None:
    machine.run("mkdir", "/etc/systemd/system/lipsyncd.service.d")
    example = f"{PREFIX}/share/doc/lipsyncd/systemd/drop-ins/cpu.conf"
    machine.run("cp", example, "/etc/systemd/system/lipsyncd.service.d")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client(face="single_face.jpg") as client:
        assert client.wait() == 0, client.stderr.read()
    assert machine.show("PrivateDevices") == "yes"


@pytest.mark.parametrize("unit", ["lipsyncd.service", "lipsyncd@cpu.service"])
def test_the_exposure_of_a_running_daemon_is_at_most_1(
    machine: Machine, unit: str, figure: Callable[[str], None]
) -> None:
    assessed = machine.run("systemd-analyze", "security", "--no-pager", unit).splitlines()
    figure(f"{unit}: {assessed[-1]}")
    assert float(assessed[-1].split(": ")[1].split()[0]) <= 1.0
