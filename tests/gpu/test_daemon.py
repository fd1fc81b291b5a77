"""A daemon on a real GPU: ready once its weights are there, and served again after it breaks."""

import json
import socket
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from support.client.command import lipsyncctl
from support.daemon.process import ready, started
from support.media.clips import clip
from support.paths import ROOT, VOICES

pytestmark = pytest.mark.gpu

VOICE = VOICES / "harbour.flac"
FRAMES = 113
WEIGHTS = 30_000_000  # bytes, at least, of the shipped checkpoint in float16


@pytest.fixture
def toml(gpu: torch.device) -> str:
    return f'device = "{gpu}"\n'


def asked(directory: Path, *words: str) -> Any:
    """The answer of a command that succeeds."""
    done = lipsyncctl(directory, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_ready_is_said_only_when_the_weights_are_on_the_gpu(
    tmp_path: Path, toml: str, gpu: torch.device
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        with started(tmp_path, toml, NOTIFY_SOCKET=str(tmp_path / "notify")):
            while b"READY=1" not in manager.recv(1 << 16):
                pass
            info = asked(tmp_path, "info")
    assert info["device"] == str(gpu)
    assert info["precision"] == "float16"
    assert info["fallback"] == ""
    assert info["batch"] == 64
    assert info["device_bytes"] > WEIGHTS
    assert len(info["weights_checksum"]) == 16


def test_a_job_goes_on_after_a_reload(tmp_path: Path, toml: str) -> None:
    with ready(tmp_path, toml):
        before = asked(tmp_path, "info")
        with (tmp_path / "lipsyncd.toml").open("a") as config:
            config.write("[render]\nbatch = 32\n")
        asked(tmp_path, "reload")
        after = asked(tmp_path, "info")
        assert (before["batch"], after["batch"]) == (64, 32)
        assert after["weights_checksum"] == before["weights_checksum"]
        result = tmp_path / "spoken.mp4"
        words = ("-a", str(VOICE), str(clip("single_face.mp4")), "-o", str(result))
        asked(tmp_path, "run", *words)
        assert frames_in(result) == FRAMES


def test_a_gpu_that_breaks_gets_another_process_with_which_the_job_goes_on(
    tmp_path: Path, toml: str
) -> None:
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults/sitecustomize.py").write_text(
        (ROOT / "tests/support/daemon/faults.py").read_text()
    )
    paths = f"{tmp_path / 'faults'}:{ROOT / 'daemon'}"
    fault = {"PYTHONPATH": paths, "FAULT": "broken_context", "STATE_DIRECTORY": str(tmp_path)}
    with started(tmp_path, toml, **fault) as process:
        process.wait_until_ready()
        job = asked(tmp_path, "submit", "-a", str(VOICE), str(clip("single_face.mp4")))["job"]["id"]
        result = tmp_path / "spoken.mp4"
        done = asked(tmp_path, "wait", job, "-o", str(result))["job"]
        assert (done["state"], done["attempts"]) == ("succeeded", 1)
        assert frames_in(result) == FRAMES
    assert "device-side assert" in (tmp_path / "log").read_text()
