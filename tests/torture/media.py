"""Thousands of damaged media files: each ends in a named error or in a valid result.

`PYTHONPATH=tests python tests/torture/media.py [--files 2000] [--seed 1]`. Each goes through a
render in a process that it may take down, then all go through a daemon, which must outlive them.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.daemon.process import ready
from support.damage.files import Whole, pairs
from support.damage.isolated import BOUND, alone
from support.damage.jobs import Judge
from support.damage.verdict import Verdict

MOST_MIB = 2560  # of memory
MOST_SILENCE = 20.0  # seconds between two signs of life; the watchdog waits for 30
SHOWN = 5  # of the slowest, and of the largest

Figures = dict[str, object]


def by_themselves(files: int, seed: int) -> Figures:
    return judged("alone", noted(alone(range(files), seed), files))


def through_a_daemon(files: int, seed: int) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with ready(directory, "[limits]\nmin_free_bytes = 0\n") as daemon:
            jobs = pairs(Whole(directory), files, seed)
            verdicts = Judge(directory, daemon.pid).verdicts(jobs)
            figures = judged("daemon", noted(verdicts, files))
            figures["restarts"] = int(not daemon.is_alive)
        figures["tracebacks"] = daemon.log.count("Traceback")
        spool = directory / "state/spool"
        figures["leftovers"] = sum(1 for _ in spool.rglob("*.part"))
    return figures


def judged(way: str, verdicts: Iterable[Verdict]) -> Figures:
    """What they came to, as a table and as figures."""
    found = list(verdicts)
    print(f"\n{way}: {len(found)} jobs")
    for kind in sorted({verdict.kind for verdict in found}):
        names = Counter(verdict.name for verdict in found if verdict.kind == kind)
        print(f"  {kind:18}", ", ".join(f"{name} {count}" for name, count in names.most_common()))
    for verdict in sorted(found, key=lambda verdict: -verdict.seconds)[:SHOWN]:
        print(f"  slow  {verdict}")
    for verdict in sorted(found, key=lambda verdict: -verdict.peak_mib)[:SHOWN]:
        print(f"  large {verdict}")
    for verdict in found:
        if not is_good(verdict):
            print(f"  BAD   {verdict}")
    return {
        "way": way,
        "jobs": len(found),
        "names": dict(Counter(verdict.name for verdict in found).most_common()),
        "slowest_seconds": round(max(verdict.seconds for verdict in found), 2),
        "longest_silence": round(max(verdict.silence for verdict in found), 2),
        "peak_mib": max(verdict.peak_mib for verdict in found),
        "bad": sum(not is_good(verdict) for verdict in found),
    }


def is_good(verdict: Verdict) -> bool:
    """It ended as it should, and within the bounds."""
    is_quick = verdict.seconds < BOUND and verdict.silence < MOST_SILENCE
    return verdict.is_good and is_quick and verdict.peak_mib < MOST_MIB


def noted(verdicts: Iterable[Verdict], files: int) -> Iterator[Verdict]:
    """The same, with a line on stderr now and then."""
    for number, verdict in enumerate(verdicts, 1):
        if number % 100 == 0:
            print(f"{number} of {files}", file=sys.stderr, flush=True)
        yield verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", choices=("alone", "daemon", "both"), default="both")
    chosen = parser.parse_args()
    ways = {"alone": by_themselves, "daemon": through_a_daemon}
    clean = True
    for way in ways if chosen.way == "both" else [chosen.way]:
        figures = ways[way](chosen.files, chosen.seed)
        print(json.dumps({"torture": "media", "seed": chosen.seed} | figures))
        faults = (
            figures[name]
            for name in ("bad", "restarts", "tracebacks", "leftovers")
            if name in figures
        )
        clean = clean and not any(faults)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
