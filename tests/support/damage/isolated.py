"""Renders of damaged files in a process of their own, which they may take down."""

import multiprocessing
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import torch

from lipsyncd.errors import LipsyncError
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import render
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files
from lipsyncd.system.native import set_up_libraries
from support.checkpoints import SHIPPED, InProcess
from support.damage.files import Pair, Whole, pair
from support.damage.verdict import Verdict, named
from support.measure import forget_peak, memory

BOUND = 200.0  # seconds for a job, which is small if its files are whole
SETTINGS = Settings(crf=18, preset="veryfast", detect_every=5, max_voice_seconds=4 * 3600)
LOADING = 200.0  # seconds until the models are there


def alone(numbers: Sequence[int], seed: int = 1) -> Iterator[Verdict]:
    """Each number's job in another process, so that what dies or hangs there is seen here."""
    left = deque(numbers)
    while left:
        with working(list(left), seed) as (process, pipe):
            while left:
                verdict = heard(process, pipe, left[0])
                left.popleft()
                yield verdict
                if verdict.kind == LOST:
                    break


LOST = "lost"  # the kind of a job whose process can tell no more of it


@contextmanager
def working(numbers: list[int], seed: int) -> Iterator[tuple[Any, Pipe]]:
    """A process that is at it, and what it tells."""
    set_up_libraries()  # the process finds it in its environment before it imports them
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, numbers, seed), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.poll(LOADING), "the models did not load"
        ours.recv()
        yield process, ours
    finally:
        process.kill()
        process.join()


def heard(process: Any, pipe: Pipe, number: int) -> Verdict:
    """The verdict of a number, or why there is none."""
    try:
        if pipe.poll(BOUND):
            return pipe.recv()
        return Verdict(number, LOST, "", "no end", BOUND)
    except EOFError:
        process.join()
        return Verdict(number, LOST, "", f"a crash (exit code {process.exitcode})")


def work(pipe: Pipe, numbers: list[int], seed: int) -> None:
    """What the process does: it says that it is ready, then one verdict after the other."""
    set_up_libraries()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = Whole(folder)
        models = InProcess(load_models(Wanted("cpu", SHIPPED, 0, folder / "cache"), lambda _: None))
        pipe.send("ready")
        for number in numbers:
            pipe.send(rendered(pair(whole, number, seed), folder, models))


def rendered(job: Pair, folder: Path, models: InProcess) -> Verdict:
    """The job as the daemon renders it."""
    paths = written(job, folder)
    forget_peak()
    begun = beaten = time.monotonic()
    silence, total, name = 0.0, 0, ""
    try:
        with paths.result.open("x+b") as result, paths.work.open("w+b") as work:
            files = Files(paths.face, paths.voices, result, work)
            for progress in render(Options(), files, models, SETTINGS):
                silence, beaten = max(silence, time.monotonic() - beaten), time.monotonic()
                total = progress.total
    except LipsyncError as error:
        name = error.name
    except Exception as error:
        traceback.print_exc()
        name = f"internal ({error!r})"
    ended, peak = time.monotonic(), memory("VmHWM")
    name = name or named(paths.result, total)
    silence = max(silence, ended - beaten)
    return Verdict(job.number, job.kind, job.format, name, ended - begun, silence, peak)


def written(job: Pair, folder: Path) -> Paths:
    paths = Paths(folder / "face", (folder / "voice",), folder / "result", folder / "work")
    paths.face.write_bytes(job.face)
    paths.voices[0].write_bytes(job.voice)
    paths.result.unlink(missing_ok=True)
    return paths
