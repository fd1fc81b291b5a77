"""A reload is taken over whole or not at all, and costs no job and no moment of readiness."""

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from support.paths import ROOT
from support.systemd.machine import Machine, event

pytestmark = pytest.mark.booted

CONFIG = "/etc/lipsyncd/lipsyncd.toml"
OTHER = "/etc/lipsyncd/other.safetensors"
TINTED = "--blend", "soft"  # it shows the colours of the generator, which the transfer does not


def start_job(machine: Machine) -> str:
    """A job that has begun and takes some seconds."""
    machine.sabotage("slow_render")
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit()
    machine.entry(event("JOB_STARTED"))
    return job


def pictures(machine: Machine, job: str) -> np.ndarray:
    """The frames of a job's result, (n, height, width, 3) uint8."""
    machine.run("lipsyncctl", "wait", job)
    machine.run("lipsyncctl", "fetch", job, "--output", f"/root/{job}.mp4")
    with av.open(str(machine.inside(f"/root/{job}.mp4"))) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def make_other_checkpoint(path: Path) -> None:
    """The shipped generator, but for its last bias: it makes quite other mouths."""
    with safe_open(ROOT / "checkpoints/lipsync-grid-96.safetensors", "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    name = next(name for name in reversed(list(tensors)) if tensors[name].shape == (3,))
    tensors[name] = tensors[name] + np.array([3, -3, 3], tensors[name].dtype)
    save_file(tensors, path, metadata)


def test_a_good_configuration_is_taken_over_during_a_job(machine: Machine) -> None:
    job = start_job(machine)
    machine.write(CONFIG, "[render]\ncrf = 30\n")
    machine.run("systemctl", "reload", "lipsyncd")
    machine.entry(event("RELOADED"))
    machine.run("lipsyncctl", "wait", job)
    after = machine.submit()
    machine.run("lipsyncctl", "wait", after)
    assert machine.job(after)["result_bytes"] < machine.job(job)["result_bytes"]
    assert machine.show("NRestarts") == "0"


def test_a_bad_configuration_is_refused_and_the_old_one_stays(machine: Machine) -> None:
    job = start_job(machine)
    machine.write(CONFIG, "[render]\ncrf = 300\n")
    reloaded = machine.tried("systemctl", "reload", "lipsyncd")
    assert reloaded.returncode != 0
    assert machine.show("ActiveState") == "active"
    assert not machine.entries(event("RELOADED"))
    machine.line("render.crf")
    machine.run("lipsyncctl", "wait", job)


def test_a_bad_checkpoint_is_refused_and_the_old_one_stays(machine: Machine) -> None:
    job = start_job(machine)
    machine.write("/etc/lipsyncd/junk.safetensors", "no weights at all")
    machine.write(CONFIG, 'checkpoint = "/etc/lipsyncd/junk.safetensors"\n')
    assert machine.tried("systemctl", "reload", "lipsyncd").returncode != 0
    machine.run("lipsyncctl", "wait", job)
    assert machine.run("lipsyncctl", "health").startswith("ready")


def test_a_new_checkpoint_takes_over_between_two_batches_of_a_job(
    machine: Machine, figure: Callable[[str], None], tmp_path: Path
) -> None:
    make_other_checkpoint(tmp_path / "other.safetensors")
    shutil.copyfile(tmp_path / "other.safetensors", machine.inside(OTHER))
    machine.sabotage("held_render")
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit(*TINTED)
    while not machine.job(job)["done"]:
        pass
    machine.write(CONFIG, f'checkpoint = "{OTHER}"\n')
    machine.run("systemctl", "reload", "lipsyncd")
    machine.inside("/var/lib/private/lipsyncd/go-on").write_text("now")
    mixed = pictures(machine, job)
    new = pictures(machine, machine.submit(*TINTED))
    machine.write(CONFIG, "")
    machine.run("systemctl", "reload", "lipsyncd")
    old = pictures(machine, machine.submit(*TINTED))

    to_old, to_new = distance(mixed, old), distance(mixed, new)
    first = int((to_new < to_old).argmax())
    figure(f"a checkpoint was swapped during a job: from frame {first} of {len(mixed)}")
    assert 0 < first < len(mixed), "there was no swap during the job"
    assert (2 * to_old < to_new)[:first].all(), "a frame before the swap is not of the old weights"
    assert (2 * to_new < to_old)[first:].all(), "a frame after the swap is not of the new weights"
    assert machine.show("NRestarts") == "0"
    assert len(machine.entries(event("READY"), least=1)) == 1


def distance(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How far each frame is from its counterpart: the mean square, over all pixels."""
    return np.square(some.astype(np.float32) - others).mean(axis=(1, 2, 3))
