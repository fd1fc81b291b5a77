"""Measuring: what a case costs on a daemon that is ready."""

import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

from cases import Case
from floor import floor_seconds
from material import RATE, recording, unknown, video
from service import Daemon

from lipsyncctl import Client, Job

PARTS = {  # of a start, by how what is said of them begins
    "loading the models": "imports",
    "looking for a device": "the device tried",
    "reading": "weights read",
    "computing the golden output": "golden output made",
    "moving": "weights to the device",
    "warming up": "warming up",
    "rendering a first picture": "a first picture",
}
Figures = Mapping[str, float]  # by what they are, in seconds, MiB, or as a share


def start_parts(fresh: Daemon) -> Figures:
    """Seconds from a daemon's start to READY, in all and of each part that it told."""
    told = fresh.start_told()
    known = [(at, part) for at, words in told if (part := part_of(words))]
    ready = told[-1][0]
    parts = {"exec to ready": ready, "python, the state": known[0][0]}
    for (begun, part), (ended, _) in zip(known, [*known[1:], (ready, "")], strict=True):
        parts[part] = parts.get(part, 0.0) + ended - begun
    return parts


def part_of(words: str) -> str:
    """Which part of a start begins with what systemd is told; empty for none."""
    status = next((each[7:] for each in words.splitlines() if each.startswith("STATUS=")), "")
    return next((part for begin, part in PARTS.items() if status.startswith(begin)), "")


def case_figures(ready: Daemon, case: Case, runs: int) -> Figures:
    """The medians of some runs."""
    if case.planned:
        rendered(ready, case)
    floor, found = floor_seconds(case), list(runs_of(ready, case, runs))
    figures = {name: statistics.median(run[name] for run in found) for name in found[0]}
    frames = case.seconds * RATE * case.jobs
    return {
        **figures,
        "fps": frames / figures["seconds"],
        "CPU, floor": floor * frames,
        "share of the floor": floor * frames / figures["CPU"],
    }


def runs_of(ready: Daemon, case: Case, count: int) -> Iterator[Figures]:
    """What each run of a case took: its jobs from `submit` to their ends."""
    ready.peak_mib()
    for _ in range(count):
        before, begun = ready.cpu_seconds(), time.monotonic()
        with ThreadPoolExecutor(case.jobs) as clients:
            jobs = list(clients.map(lambda _: rendered(ready, case), range(case.jobs)))
        seconds, after = time.monotonic() - begun, ready.cpu_seconds()
        used = {title: after[title] - before.get(title, 0.0) for title in after}
        device = sum(spent for title, spent in used.items() if "device" in title)
        yield {
            "seconds": seconds,
            "to the first frame": statistics.median(job.first for job in jobs),
            "CPU": sum(after.values()) - sum(before.values()) + sum(job.client for job in jobs),
            "CPU, generator": device,
            "CPU, renders": used["daemon"],
            "memory": ready.peak_mib(),
        }


@dataclass(frozen=True)
class Rendered:
    """The seconds from `submit` to the first frame, and what the client used of the processor."""

    first: float
    client: float


def rendered(ready: Daemon, case: Case) -> Rendered:
    """One job from `submit` to its end."""
    begun = first = 0.0

    def heed(job: Job) -> None:
        nonlocal first
        if job.done and not first:
            first = time.monotonic() - begun

    known, voice = video(case.lines), recording(case.seconds)
    shown = nullcontext(known) if case.planned else unknown(known)
    with shown as face, Client(ready.socket) as client:
        begun, used = time.monotonic(), time.thread_time()
        job = client.submit(face, voice, blend=case.blend, **case.options)
        ended = client.wait(job.id, on_progress=heed)
    if ended.error:
        raise ended.error
    return Rendered(first or time.monotonic() - begun, time.thread_time() - used)
