"""Active means able to render, whatever happens on the way there."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.paths import ROOT
from support.systemd.machine import Machine, event

pytestmark = pytest.mark.booted

CHECKPOINT = ROOT / "checkpoints/lipsync-grid-96.safetensors"
MODELS = "/opt/lipsyncd/share/lipsyncd/checkpoints"


def test_start_returns_when_a_job_can_be_rendered(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    begun = time.time()
    machine.run("systemctl", "start", "lipsyncd")
    figure(f"systemctl start, warm cache: {time.time() - begun:.1f} s")
    assert machine.run("lipsyncctl", "health").startswith("ready")
    assert "ready on cpu" in machine.run("systemctl", "status", "lipsyncd")
    with machine.client() as client:
        assert client.wait() == 0


def test_a_load_of_5_s_passes_a_start_timeout_of_3_and_shows_its_progress(machine: Machine) -> None:
    machine.sabotage("slow_load", "TimeoutStartSec=3s")
    with machine.started("systemctl", "start", "lipsyncd") as start:
        machine.wait_until("StatusText", "reading a slow disk: ")
        assert "reading a slow disk: " in machine.tried("systemctl", "status", "lipsyncd").stdout
        assert machine.show("ActiveState") == "activating"
        assert machine.tried("lipsyncctl", "health").returncode == 1
        assert start.wait() == 0
    assert machine.show("NRestarts") == "0"


def test_a_load_that_stalls_fails(machine: Machine, figure: Callable[[str], None]) -> None:
    machine.sabotage("stalled_load", "TimeoutStartSec=3s", "Restart=no", "TimeoutAbortSec=2s")
    begun = time.time()
    assert machine.tried("systemctl", "start", "lipsyncd").returncode != 0
    figure(f"a load that stalls is given up after {time.time() - begun:.1f} s")
    assert machine.show("Result") == "timeout"
    assert not machine.entries(event("READY"))


def broken(machine: Machine) -> str:
    """A checkpoint whose second half is missing."""
    whole = CHECKPOINT.read_bytes()
    machine.inside("/etc/lipsyncd/broken.safetensors").write_bytes(whole[: len(whole) // 2])
    return 'checkpoint = "/etc/lipsyncd/broken.safetensors"'


def not_a_number(machine: Machine) -> str:
    """A checkpoint of which one weight is not a number."""
    path = machine.inside("/etc/lipsyncd/nan.safetensors")
    shutil.copyfile(CHECKPOINT, path)
    spoil_first_tensor(path)
    return 'checkpoint = "/etc/lipsyncd/nan.safetensors"'


def absent(_machine: Machine) -> str:
    """No checkpoint at all."""
    return f'checkpoint = "{MODELS}/nothing.safetensors"'


def no_gpu(machine: Machine) -> str:
    """A GPU is demanded where there is none."""
    machine.drop_in("DeviceAllow=", "PrivateDevices=yes", "Restart=no", name="no-gpu")
    return 'device = "cuda:0"'


def spoil_first_tensor(path: Path) -> None:
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        tensors = json.loads(file.read(length))
        weight = next(at for name, at in sorted(tensors.items()) if name.endswith(".weight"))
        size = {"F16": 2, "BF16": 2, "F32": 4}[weight["dtype"]]
        file.seek(8 + length + weight["data_offsets"][0])
        file.write(b"\xff" * size)  # a NaN in each of these


@pytest.mark.parametrize(
    ("spoil", "cause", "code"),
    [
        (broken, "broken.safetensors", "66"),
        (not_a_number, "nan.safetensors", "66"),
        (absent, "nothing.safetensors", "66"),
        (no_gpu, "cuda:0", "69"),
    ],
)
def test_a_start_that_cannot_end_in_rendering_fails_with_its_cause(
    machine: Machine, spoil: Callable[[Machine], str], cause: str, code: str
) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", spoil(machine))
    assert machine.tried("systemctl", "start", "lipsyncd").returncode != 0
    assert machine.show("ActiveState") == "failed"
    assert machine.show("ExecMainStatus") == code
    assert machine.show("NRestarts") == "0"
    assert machine.show("ActiveEnterTimestampMonotonic") == "0", "it was active"
    assert cause in machine.show("StatusText")
    (entry,) = machine.entries(event("LOAD_FAILED"), least=1)
    assert entry["PRIORITY"] == "2"
    assert cause in entry["MESSAGE"]


def test_what_renders_and_intakes_are_forked_from_has_one_thread(machine: Machine) -> None:
    machine.run("systemctl", "start", "lipsyncd")
    for title in ("lipsyncd: template", "lipsyncd: intake template"):
        template = machine.run("pgrep", "--full", f"^{title}")
        status = machine.inside(f"/proc/{template}/status").read_text()
        assert "Threads:\t1\n" in status, title
