"""The reference: the original Wav2Lip inference from a checkout, in turns with our daemons."""

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import safetensors.torch
import torch
from cases import AS_REFERENCE, BOX, USUAL, Case, can_run
from material import CACHE, recording, video, weights
from measuring import Figures, rendered
from service import Daemon, daemon

PAIRS = 3
INFERENCE = Path(__file__).with_name("inference.py")
OURS = {
    "full width, box, fp32": AS_REFERENCE,
    "full width, box, bf16": replace(AS_REFERENCE, precision="bf16"),
    "default, with its plan, fp32": USUAL,
    "default, with its plan, bf16": replace(USUAL, precision="bf16"),
}


def compared(checkout: Path) -> Figures:
    """How many times as long as each of ours the reference takes for 10 s of 720p: full width, a
    named box, from its start to its file; the medians of runs in turns."""
    with ExitStack() as stack:
        ours = {name: case for name, case in OURS.items() if can_run(case)}
        ready = {}
        for name, case in ours.items():
            ready[name] = stack.enter_context(daemon(case.toml))
            ready[name].start_told()
        turns = [one_turn(checkout, ready) for _ in range(PAIRS)]
    return {name: statistics.median(turn[name] for turn in turns) for name in ours}


def one_turn(checkout: Path, ready: dict[str, Daemon]) -> Figures:
    """Each after the other."""
    theirs = seconds_of(checkout)
    return {name: theirs / timed(each, OURS[name]) for name, each in ready.items()}


def timed(ready: Daemon, case: Case) -> float:
    """Seconds from `submit` to the end of a job."""
    begun = time.monotonic()
    rendered(ready, case)
    return time.monotonic() - begun


def seconds_of(checkout: Path) -> float:
    """From the start of the reference to its file."""
    left, top, right, bottom = map(str, BOX)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "temp").mkdir()  # where it writes, whatever it is told
        words = ["--checkpoint_path", pickled(), "--face", video(), "--audio", recording(10)]
        words += ["--box", top, bottom, left, right, "--outfile", f"{folder}/out.mp4"]
        begun = time.monotonic()
        command = [sys.executable, INFERENCE, checkout.resolve(), *words]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.monotonic() - begun


def pickled() -> Path:
    """Our weights of full width, as the reference loads them."""
    path = CACHE / "full-width.pth"
    if not path.exists():
        content = {"state_dict": safetensors.torch.load_file(weights("full"))}
        torch.save(content, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    return path
