"""One daemon for each device, side by side on one machine."""

import json

import pytest
from support.media.clips import clip
from support.systemd.machine import VOICE, Machine, event

pytestmark = pytest.mark.booted

ON_CPU = "ExecStart=/opt/lipsyncd/bin/lipsyncd --config /etc/lipsyncd/lipsyncd.toml --device cpu"
RUN = ("run", "--voice", VOICE, str(clip("single_face.jpg")), "--output", "/root/out.mp4")


def test_instances_live_side_by_side_and_the_less_busy_one_gets_the_job(machine: Machine) -> None:
    # there is no GPU here, so the one that is named after it gets the CPU as well
    machine.drop_in("ExecStart=", ON_CPU, unit="lipsyncd@cuda0.service")
    machine.sabotage("held_render", unit="lipsyncd@cpu.service")
    machine.run("systemctl", "start", "lipsyncd@cpu", "lipsyncd@cuda0")
    busy = machine.run("lipsyncctl", "--socket=/run/lipsyncd/cpu.sock", "submit", *RUN[1:4])
    machine.run("lipsyncctl", *RUN)
    (done,) = machine.entries(event("JOB_FINISHED"))
    assert done["_SYSTEMD_UNIT"] == "lipsyncd@cuda0.service"
    assert json.loads(machine.run("lipsyncctl", "--json", "status", busy))["job"]["id"] == busy
    assert machine.tried("lipsyncctl", "health").returncode == 0


def test_an_instance_and_the_plain_daemon_keep_their_jobs_apart(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd", "lipsyncd@cpu")
    for socket in ("control", "cpu"):
        machine.run("lipsyncctl", f"--socket=/run/lipsyncd/{socket}.sock", *RUN)
    units = [entry["_SYSTEMD_UNIT"] for entry in machine.entries(event("JOB_FINISHED"))]
    assert units == ["lipsyncd.service", "lipsyncd@cpu.service"]
    machine.run("systemctl", "stop", "lipsyncd@cpu")
    assert machine.show("ActiveState") == "active"
