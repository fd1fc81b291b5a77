"""The shipped unit under a booted systemd reaches the GPU through its sandbox.

Nothing is installed for it: its two commands stand for this checkout and this interpreter.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.paths import ROOT
from support.systemd.machine import Machine, booted, event, why_not

pytestmark = [pytest.mark.gpu, pytest.mark.booted]

PLACE = "/srv/lipsyncd"
PYTHON = f"/srv/python/bin/{Path(sys.executable).name}"  # where a service without a home reaches it
LIKE_THE_UNIT = ("DynamicUser=yes", "ProtectHome=yes", "PrivateTmp=yes")


@pytest.fixture
def machine(gpu: torch.device) -> Iterator[Machine]:
    """Skips where no systemd can be booted, or where its service could not reach PyTorch."""
    if reason := why_not():
        pytest.skip(reason)
    with booted(f"--bind={ROOT}:{PLACE}", f"--bind={sys.prefix}:/srv/python") as machine:
        sandbox = (f"--property={each}" for each in LIKE_THE_UNIT)
        tried = ("systemd-run", "--wait", "--pipe", *sandbox, PYTHON, "-c", "import torch")
        if machine.tried(*tried).returncode:
            pytest.skip(f"a service cannot import torch with {sys.executable}")
        lay_out(machine)
        machine.drop_in("ExecStart=", f"ExecStart=/opt/lipsyncd/bin/lipsyncd --device {gpu}")
        yield machine


def lay_out(machine: Machine) -> None:
    """What `make install` leaves, without an environment of its own."""
    for name in ("lipsyncd", "lipsyncctl"):
        path = f"/opt/lipsyncd/bin/{name}"
        paths = f"PYTHONPATH={PLACE}/daemon:{PLACE}/ctl"
        machine.write(path, f'#!/bin/sh\n{paths} exec {PYTHON} -m {name} "$@"\n')
        machine.inside(path).chmod(0o755)
        machine.run("ln", "--symbolic", path, f"/usr/local/bin/{name}")
    for unit in ("lipsyncd.service", "lipsyncd.socket"):
        machine.write(f"/etc/systemd/system/{unit}", (ROOT / "systemd" / unit).read_text())
    machine.run("systemd-sysusers", f"{PLACE}/systemd/lipsyncd.sysusers")


def test_the_unit_renders_on_the_gpu(machine: Machine, gpu: torch.device) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    assert f"ready on {gpu}" in machine.run("systemctl", "status", "lipsyncd")
    with machine.client() as client:
        assert client.wait() == 0, machine.story()
    machine.run("lipsyncctl", "reload")
    machine.run("systemctl", "stop", "lipsyncd")
    assert machine.show("Result") == "success"
    (ready,) = machine.entries(event("READY"))
    assert ready["LIPSYNCD_DEVICE"] == str(gpu)
