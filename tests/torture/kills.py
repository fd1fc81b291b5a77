"""kill -9 at random moments under load: every accepted job comes out once, and whole.

`PYTHONPATH=tests python tests/torture/kills.py --kills 1000`
"""

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from support.daemon import reencoding
from support.daemon.reencoding import ReencodingDaemon
from support.torture import Load, main

from lipsyncd.queue.contents import SPARE

LONGEST_LIFE = 1.6  # seconds from exec to the kill; some lives end before they can listen
SUBMITTERS = 3
UNFINISHED = 4  # jobs of one submitter
TOML = "[limits]\nmin_free_bytes = 0\n[retention]\nmax_results = 1000000\nmax_records = 1000000\n"


@dataclass
class Tally:
    """What came of it; all but the first three have to be 0."""

    kills: int = 0
    accepted: int = 0
    attempts: int = 0
    lost: int = 0
    broken: int = 0
    twice: int = 0
    leftovers: int = 0
    tracebacks: int = 0
    strays: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        faults = (self.lost, self.broken, self.twice, self.leftovers)
        return not any(faults) and self.tracebacks == 0


class Jobs(Load):
    """Clients that hand in jobs without end, through every death of the daemon."""

    def __init__(self, daemon: ReencodingDaemon) -> None:
        super().__init__(SUBMITTERS)
        self._daemon = daemon
        self.accepted: list[str] = []

    def submit(self, number: int) -> None:
        mine: list[str] = []
        while not self.is_stopped:
            mine.append(self._daemon.submit(key=f"{number}-{len(mine)}"))
            self.accepted.append(mine[-1])
            if len(mine) > UNFINISHED:
                self._daemon.end_of(mine[-UNFINISHED])


def torture(directory: Path, kills: int, seed: int) -> Tally:
    """Kill so often, and look at all there is afterwards."""
    chance, tally, daemon = random.Random(seed), Tally(), ReencodingDaemon(directory, TOML)
    load = Jobs(daemon)
    load.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        daemon.end(signal.SIGKILL)
        tally.kills += 1
        daemon.start()
    load.stop()
    try:
        audit(daemon, load.accepted, tally)
    finally:
        daemon.end()
    tally.tracebacks = daemon.log.count("Traceback")
    return tally


def audit(daemon: ReencodingDaemon, accepted: list[str], tally: Tally) -> None:
    """Each accepted job, its result and its story; and what lies in the spool."""
    ended = {job: daemon.end_of(job) for job in accepted}
    succeeded = Counter(
        told["id"] for told in story(daemon, accepted[-1]) if told["state"] == "succeeded"
    )
    results = {f"{job}/result" for job in ended}
    tally.accepted = len(accepted)
    tally.attempts = sum(job["attempts"] for job in ended.values())
    tally.lost = sum(job["state"] != "succeeded" for job in ended.values())
    tally.twice = sum(count > 1 for count in succeeded.values()) + len(accepted) - len(ended)
    tally.broken = sum(not is_whole(daemon.state / "spool" / result) for result in results)
    kept = {f"{job}/{name}" for job in ended for name in SPARE}
    tally.strays = sorted(daemon.spooled() - results - kept)
    tally.leftovers = len(tally.strays)


def story(daemon: ReencodingDaemon, job: str) -> Iterator[dict[str, Any]]:
    """Every change of any job, from the first to the newest now."""
    with daemon.client() as client:
        newest = client.ask("status", job=job)["seq"]
        client.say("follow", since=0)
        seq = 0
        while seq < newest:
            with client.hear() as message:
                seq = message.body["seq"]
                if message.body["verb"] == "happened":
                    yield message.body["job"]


def is_whole(result: Path) -> bool:
    try:
        return reencoding.frames_in(result) == reencoding.FRAMES
    except (OSError, av.FFmpegError):
        return False


if __name__ == "__main__":
    sys.exit(main("kills", __doc__, torture))
