"""Millions of fuzzed frames: no crash, no session and no descriptor left, and the memory stays.

`PYTHONPATH=tests python tests/torture/frames.py [--frames 10000000]`. Most frames go through the
decoder in this process, at first in a search that is guided by coverage; one in 64 goes over the
socket of a living daemon.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from fuzz.decoder import Search, storm
from fuzz.raid import Siege, Vitals
from support.daemon.stepped import stepped_daemon

LIVE = 64  # one frame of so many goes over the socket
SEARCHED = 50  # and one of so many through the search
WARM_UP = 0.05  # of the frames go before the memory is looked at for the first time
BLOCK = 50_000  # frames between two lines on stderr
TOLERANCE = 1.05  # of the memory


@dataclass
class Tally:
    """What was done, and what came of it: to the decoder, and to the daemon, before and after."""

    frames: int = 0
    searched: int = 0
    stormed: int = 0
    live: int = 0
    crashes: list[str] = field(default_factory=list)
    sessions_left: int = 0
    descriptors: tuple[int, int] = (0, 0)
    memory: tuple[int, int] = (0, 0)
    decoder_memory: tuple[int, int] = (0, 0)
    steps: int = 0
    corpus: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        is_flat = all(
            after <= TOLERANCE * before for before, after in (self.memory, self.decoder_memory)
        )
        before, after = self.descriptors
        return is_flat and not self.crashes and not self.sessions_left and after <= before


def decode(tally: Tally, frames: int, random: Random) -> None:
    """The search, then the storm over all that it found."""
    search = Search(random)
    search.run(frames // SEARCHED)
    tally.searched = frames // SEARCHED
    tally.steps, tally.corpus = len(search.steps), len(search.corpus)
    stormed, goal = 0, frames - tally.searched
    before = 0
    while stormed < goal:
        count = min(BLOCK, goal - stormed)
        for name, times in storm(search.corpus, count, random).items():
            tally.outcomes[name] = tally.outcomes.get(name, 0) + times
        stormed += count
        if not before and stormed >= WARM_UP * goal:
            before = Vitals.of(os.getpid()).memory
        note(f"{stormed} of {goal} frames through the decoder")
    tally.stormed = stormed
    tally.decoder_memory = (before, Vitals.of(os.getpid()).memory)


def besiege(tally: Tally, frames: int, seed: int, directory: Path) -> None:
    """The raids; whatever is in the daemon's log that should not be is a crash as well."""
    with stepped_daemon(directory) as daemon:
        siege = Siege(daemon, directory, seed)
        siege.run(round(WARM_UP * frames))
        before = siege.vitals()
        while siege.frames < frames:
            siege.run(min(BLOCK, frames - siege.frames))
            note(f"{siege.frames} of {frames} frames over the socket")
        after = siege.vitals()
    tally.live = siege.frames
    tally.sessions_left = siege.sessions_left(after)
    tally.descriptors = (before.descriptors, after.descriptors)
    tally.memory = (before.memory, after.memory)
    tally.answers = dict(siege.answers)
    log = (directory / "log").read_text()
    if siege.answers["internal"] or "Traceback" in log:
        tally.crashes.append(log[log.find("Traceback") :][:2000])


def note(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    tally, begun = Tally(), time.monotonic()
    live = chosen.frames // LIVE
    try:
        decode(tally, chosen.frames - live, Random(chosen.seed))
        with tempfile.TemporaryDirectory() as directory:
            besiege(tally, live, chosen.seed, Path(directory))
    except Exception:
        tally.crashes.append(traceback.format_exc())
    tally.frames = tally.searched + tally.stormed + tally.live
    tally.seconds = round(time.monotonic() - begun, 1)
    print(json.dumps({"torture": "frames", "seed": chosen.seed} | asdict(tally)))
    return 0 if tally.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
