"""What a GPU gives: the last part of `make gpu`, or `PYTHONPATH=tests python tests/bench/gpu.py`.

The real daemon and the real command line, and the generator by itself.  Each figure is a JSON line
on stdout, and on stderr a row for people.  With `--device cpu`, and smaller numbers, it shows on a
machine without a GPU that it works.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from cases import Case
from material import RATE, recording, video
from measuring import rendered, start_parts
from service import Daemon
from table import Figure, tell

from lipsyncd.config import Config
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.device import device_of
from lipsyncd.model.golden import golden_of
from lipsyncd.model.residency import Models

AT_ONCE = 16
MEBI = 1 << 20
SHORT = Case()


def generator_figures(device: str, most: int, seconds: float) -> Iterator[Figure]:
    """Frames of mouths a second, copies to the device and back included."""
    checkpoint = load_checkpoint(Config().checkpoint, tell)
    chosen = device_of(device).device
    torch.backends.cudnn.benchmark = chosen.type == "cuda"
    with tempfile.TemporaryDirectory() as cache:
        golden = golden_of(checkpoint, Path(cache), tell)
    batch = 1
    while batch <= most:
        models = Models(checkpoint, golden, chosen, batch)
        crops = np.zeros((batch, 96, 96, 3), np.uint8)
        windows = np.zeros((batch, 80, 16), np.float32)
        models.mouths(crops, windows, lower=True)  # a first one is slow
        passes, begun = 0, time.monotonic()
        while (taken := time.monotonic() - begun) < seconds:
            models.mouths(crops, windows, lower=True)
            passes += 1
        yield Figure(f"generator, batch {batch}", passes * batch / taken, "fps")
        batch *= 2


def job_figures(ready: Daemon, seconds: int, jobs: int, idle: float) -> Iterator[Figure]:
    """Jobs from `submit` to their ends."""
    made = video(SHORT.lines), recording(SHORT.seconds), recording(seconds)  # not in their time
    assert all(path.exists() for path in made)
    yield Figure("first 10 s of 720p on a ready daemon", taken(ready, SHORT), "s")
    rate = seconds * RATE / taken(ready, replace(SHORT, seconds=seconds))
    yield Figure(f"{seconds} s of 720p, end to end", rate, "fps")
    rate = jobs * SHORT.seconds * RATE / taken(ready, SHORT, jobs)
    yield Figure(f"{jobs} jobs of 10 s of 720p at once, together", rate, "fps")
    models = info(ready)
    yield Figure("memory of the device, for tensors", models.get("device_bytes", 0) / MEBI, "MiB")
    yield Figure("peak memory of the processes", ready.peak_mib(), "MiB")
    time.sleep(idle)
    name = f"first 10 s of 720p after {idle:g} s of idling"
    yield Figure(name, taken(ready, SHORT), "s")


def taken(ready: Daemon, case: Case, jobs: int = 1) -> float:
    """The seconds from the first `submit` to the last end of so many jobs at once."""
    begun = time.monotonic()
    with ThreadPoolExecutor(jobs) as clients:
        list(clients.map(lambda _: rendered(ready, case), range(jobs)))
    return time.monotonic() - begun


def info(ready: Daemon) -> dict[str, int]:
    """What the daemon says of its models."""
    with ready.client() as client:
        return client.ask("info")


@contextmanager
def daemon(directory: Path, device: str, jobs: int) -> Iterator[Daemon]:
    """A daemon that has just been started on a device, for so many jobs at once."""
    (directory / "notify").unlink(missing_ok=True)
    toml = f'device = "{device}"\n[render]\nmax_active = {jobs}\n'
    with Daemon(directory, toml) as fresh:
        yield fresh
        fresh.end()


def figures(asked: argparse.Namespace) -> Iterator[Figure]:
    """Each as soon as it is measured."""
    yield from generator_figures(asked.device, asked.batch, asked.pass_seconds)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with daemon(directory, asked.device, asked.jobs) as first:
            for part, seconds in start_parts(first).items():
                yield Figure(f"a first start: {part}", seconds, "s")
        with daemon(directory, asked.device, asked.jobs) as fresh:
            for part, seconds in start_parts(fresh).items():
                yield Figure(part, seconds, "s")
            yield from job_figures(fresh, asked.seconds, asked.jobs, asked.idle)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what a GPU gives.")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--batch", type=int, default=512, help="the largest")
    parser.add_argument("--pass-seconds", type=float, default=2.0, help="for each batch")
    parser.add_argument("--seconds", type=int, default=60, help="of the long job")
    parser.add_argument("--jobs", type=int, default=AT_ONCE, help="at once")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds")
    asked = parser.parse_args()
    if asked.device != "cpu" and not torch.cuda.is_available():
        return tell("PyTorch finds no CUDA GPU here, so there is nothing to measure on one.")
    for figure in figures(asked):
        tell(f"{figure.name:56}{figure.value:10.1f} {figure.unit}")
        print(json.dumps(asdict(figure)), flush=True)
    return None


if __name__ == "__main__":
    main()
