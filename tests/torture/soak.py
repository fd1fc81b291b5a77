"""Thousands of short jobs in one life: memory, descriptors, threads and the store stay as they are.

`PYTHONPATH=tests python tests/torture/soak.py --jobs 2000`
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon

AT_ONCE = 8  # jobs that wait or run at any time
SETTLED = 0.25  # of the jobs: by then every cache is as full as it gets
GROWTH = 1.05  # of memory and of the store, from then on
# So that the bounds of the history are met as well.
TOML = "[retention]\nmax_records = 50\nmax_results = 20\ngrace_minutes = 0\n"


@dataclass
class Reading:
    """How much the daemon has of everything."""

    memory_kib: int
    descriptors: int
    threads: int
    store_bytes: int
    spooled: int


@dataclass
class Tally:
    """What it came to; latencies are from the request to the reply, in milliseconds."""

    jobs: int
    ack_median_ms: float
    ack_p99_ms: float
    settled: Reading
    ended: Reading

    @property
    def is_flat(self) -> bool:
        settled, ended = self.settled, self.ended
        return (
            ended.memory_kib <= GROWTH * settled.memory_kib
            and ended.store_bytes <= GROWTH * settled.store_bytes
            and (ended.descriptors, ended.threads) == (settled.descriptors, settled.threads)
            and ended.spooled <= settled.spooled
        )


def soak(directory: Path, jobs: int) -> Tally:
    """Submit so many, never more than AT_ONCE unfinished, and read off what the daemon takes."""
    settled = None
    with reencoding_daemon(directory, TOML) as daemon, daemon.client() as client:
        latencies: list[float] = []
        waiting: list[str] = []
        for number in range(jobs):
            begun = time.perf_counter()
            waiting.append(client.hand_in(daemon.face, daemon.voice))
            latencies.append(1000 * (time.perf_counter() - begun))
            if len(waiting) == AT_ONCE:
                end_of(client, waiting.pop(0))
            if number == int(SETTLED * jobs):
                settled = quiet(daemon, client, waiting)
        ended = quiet(daemon, client, waiting)
    assert settled
    p99 = quantiles(latencies, n=100)[98]
    return Tally(jobs, round(median(latencies), 2), round(p99, 2), settled, ended)


def end_of(client: Any, job: str) -> None:
    assert client.end_of(job)["state"] == "succeeded"


def quiet(daemon: ReencodingDaemon, client: Any, waiting: list[str]) -> Reading:
    """A reading once nothing is under way, and the janitor has done its round."""
    while waiting:
        end_of(client, waiting.pop(0))
    last = read(daemon)
    for _ in ticks():
        now = read(daemon)
        kept = {name.partition("/")[0] for name in daemon.spooled()}
        if now == last and len(client.ask("list")["jobs"]) <= 50 and len(kept) <= 20:
            return now
        last = now
    raise AssertionError("it never comes to rest")


def ticks() -> Iterator[int]:
    for number in count():
        time.sleep(1.0)  # the janitor's rounds are seconds apart
        yield number


def read(daemon: ReencodingDaemon) -> Reading:
    proc = Path(f"/proc/{daemon.pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return Reading(
        memory_kib=int(status["VmRSS"].split()[0]),
        descriptors=len(list((proc / "fd").iterdir())),
        threads=int(status["Threads"]),
        store_bytes=(daemon.state / "jobs.sqlite").stat().st_size,
        spooled=len(daemon.spooled()),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tally = soak(Path(directory), chosen.jobs)
    print(json.dumps({"torture": "soak"} | asdict(tally)))
    return 0 if tally.is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
