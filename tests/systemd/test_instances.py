"""Daemons with queues of their own, side by side on one machine."""

import pytest
from support.media.clips import clip
from support.systemd.machine import VOICE, Machine, event

pytestmark = pytest.mark.booted

ON_CPU = "ExecStart=/opt/lipsyncd/bin/lipsyncd --config /etc/lipsyncd/lipsyncd.toml --device cpu"
RUN = ("run", "--voice", VOICE, str(clip("single_face.jpg")), "--output", "/root/out.mp4")


def test_instances_live_side_by_side_and_each_renders_what_it_is_given(machine: Machine) -> None:
    # there is no GPU here, so the one that is named after it gets the CPU as well
    machine.drop_in("ExecStart=", ON_CPU, unit="lipsyncd@cuda0.service")
    machine.sabotage("held_render", unit="lipsyncd@cpu.service")
    machine.run("systemctl", "start", "lipsyncd@cpu", "lipsyncd@cuda0")
    machine.run("lipsyncctl", "--socket=/run/lipsyncd/cpu.sock", "submit", *RUN[1:4])
    machine.run("lipsyncctl", "--socket=/run/lipsyncd/cuda0.sock", *RUN)
    (done,) = machine.entries(event("JOB_FINISHED"), least=1)
    assert done["_SYSTEMD_UNIT"] == "lipsyncd@cuda0.service"


def test_where_only_an_instance_runs_lipsyncctl_says_how_to_use_it(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd@cpu")
    told = machine.tried("lipsyncctl", "health")
    assert told.returncode == 2
    assert "`--socket /run/lipsyncd/cpu.sock`" in told.stderr
    assert machine.tried("lipsyncctl", "--socket=/run/lipsyncd/cpu.sock", "health").returncode == 0


def test_an_instance_and_the_plain_daemon_keep_their_jobs_apart(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd", "lipsyncd@cpu")
    for socket in ("control", "cpu"):
        machine.run("lipsyncctl", f"--socket=/run/lipsyncd/{socket}.sock", *RUN)
    units = [entry["_SYSTEMD_UNIT"] for entry in machine.entries(event("JOB_FINISHED"), least=2)]
    assert units == ["lipsyncd.service", "lipsyncd@cpu.service"]
    told = machine.tried("lipsyncctl", "list").stderr
    assert "Another daemon has its own: `lipsyncctl --socket /run/lipsyncd/cpu.sock list`" in told
    machine.run("systemctl", "stop", "lipsyncd@cpu")
    assert machine.show("ActiveState") == "active"
