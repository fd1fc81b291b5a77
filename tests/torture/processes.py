"""kill -9 of whatever process, under real renders: every job comes out once, and always the same.

`PYTHONPATH=tests python tests/torture/processes.py --kills 1000`

One of two clients has short jobs, the other such as several processes make, and all take turns. A
render is killed once at most: who is killed twice has failed, and that is what it is for.
"""

import hashlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.daemon.process import DaemonProcess, children, persisted
from support.media.clips import clip
from support.media.synthetic import babble, write_voice
from support.torture import Load, main

from lipsyncd.errors import InternalError
from lipsyncd.protocol.state import State
from lipsyncd.queue.contents import KEPT

LONGEST_PAUSE = 6.0  # seconds between two kills
LOOKS = 20  # at the descriptors
SECONDS = (2.0, 32.0)  # of the voice of each client
KINDS = ("daemon", "device", "template", "render", "part", "intake template")
STANDING = Counter({"device": 1, "template": 1, "intake": 1})  # what an idle daemon has below it
TOML = """
device = "cpu"
[render]
processes = 3
max_active = 1
turn_seconds = 0
[retention]
max_results = 1000000
max_records = 1000000
"""


@dataclass
class Tally:
    """What came of it; all but the kills, the jobs and the attempts have to be 0."""

    kills: dict[str, int] = field(default_factory=dict)
    given_up: int = 0  # daemons that ended since a device was lost too often
    jobs: int = 0
    attempts: int = 0
    lost: int = 0
    other_bytes: int = 0
    twice: int = 0
    leftovers: int = 0
    left_processes: int = 0
    more_descriptors: int = 0
    tracebacks: int = 0

    @property
    def is_clean(self) -> bool:
        faults = (self.lost, self.other_bytes, self.twice, self.leftovers, self.left_processes)
        return not any((*faults, self.more_descriptors, self.tracebacks))


class Jobs(Load):
    """Clients that have their jobs rendered, one after the other, whoever is killed meanwhile."""

    def __init__(self, daemon: DaemonProcess, voices: list[Path]) -> None:
        super().__init__(len(voices))
        self._daemon = daemon
        self._voices = voices
        self.ended: list[dict[str, Any]] = []

    def submit(self, number: int) -> None:
        count = 0
        while not self.is_stopped:
            self.ended.append(self.job(f"{number}-{count}", number))
            count += 1

    def job(self, key: str, number: int = 0) -> dict[str, Any]:
        """A job as it ended, of one client's."""
        face, voice, terms = clip("single_face.jpg"), self._voices[number], {"key": key}
        job = persisted(
            self._daemon, lambda client: client.hand_in(face, voice, **terms), InternalError
        )
        return dict(persisted(self._daemon, lambda client: client.end_of(job)))


class Keeper:
    """Begins the daemon anew whenever it has ended, as systemd does."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._daemon = daemon
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.starts = 0

    def _run(self) -> None:
        while self._daemon.wait() is not None and not self._is_stopped:
            self._daemon.start()
            self.starts += 1

    def end(self) -> None:
        """The daemon ends, and nobody begins it anew."""
        self._is_stopped = True
        self._daemon.process.terminate()
        self._thread.join()


class Killer:
    """Who kills, whatever there is."""

    def __init__(self, daemon: DaemonProcess, tally: Tally, seed: int) -> None:
        self._daemon = daemon
        self._tally = tally
        self._chance = random.Random(seed)
        self._killed_renders: set[str] = set()
        self._kills: Counter[str] = Counter()

    def run(self, kills: int) -> None:
        """So many, at random moments."""
        while self._kills.total() < kills:
            time.sleep(self._chance.uniform(0, LONGEST_PAUSE))
            kinds = self._chance.sample(KINDS, len(KINDS))
            kind = next(filter(self._kill, kinds), "daemon")
            self._kills[kind] += 1
        self._tally.kills = dict(self._kills)

    def _kill(self, kind: str) -> bool:
        """Whether there was one of this kind."""
        below = children(self._daemon.pid)
        if kind == "daemon":
            self._daemon.process.kill()
            self._tally.left_processes += len(left_of(below))
            return True
        for pid, title in below.items():
            if title.startswith(f"lipsyncd: {kind}") and self._may_die(kind, title):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return True
        return False

    def _may_die(self, kind: str, title: str) -> bool:
        if kind != "render":
            return True
        job = title.split()[2]
        is_first = job not in self._killed_renders
        self._killed_renders.add(job)
        return is_first


def left_of(processes: Iterable[int], seconds: float = 30.0) -> list[int]:
    """Those that are there still after so long, of a daemon that is gone."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in processes if is_there(pid)]) and time.monotonic() < end:
        time.sleep(0.01)
    return left


def is_there(pid: int) -> bool:
    """Not even the dead count whom nobody has waited for: only what still has a program."""
    return Path(f"/proc/{pid}/exe").exists()


def torture(directory: Path, kills: int, seed: int) -> Tally:
    """Kill so often, and look at all there is afterwards."""
    voices = [write_voice(directory / f"{each:g}.wav", babble(each)) for each in SECONDS]
    tally = Tally()
    with DaemonProcess(directory, TOML) as daemon:
        load, keeper = Jobs(daemon, voices), Keeper(daemon)
        undisturbed = [load.job(f"undisturbed-{each:g}", at) for at, each in enumerate(SECONDS)]
        wanted = {result_of(daemon, job) for job in undisturbed}
        load.ended += undisturbed
        load.start()
        Killer(daemon, tally, seed).run(kills)
        load.stop()
        load.ended.append(load.job("the last"))
        audit(daemon, load, wanted, tally)
        keeper.end()
        tally.given_up = keeper.starts - tally.kills["daemon"]
        tally.left_processes += len(left_of(started_in(directory)))
    return tally


def started_in(directory: Path) -> list[int]:
    """The processes whose working directory it is: whatever any life has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if path.joinpath("cwd").readlink() == directory:
                found.append(int(path.name))
    return found


def audit(daemon: DaemonProcess, load: Jobs, wanted: set[str], tally: Tally) -> None:
    """Each job and its result; what is below the daemon, and what lies in the spool."""
    daemon.wait_until_ready()
    ended = load.ended
    whole = [job for job in ended if job["state"] == "succeeded"]
    tally.jobs, tally.attempts = len(ended), sum(job["attempts"] for job in ended)
    tally.lost = len(ended) - len(whole)
    tally.other_bytes = sum(result_of(daemon, job) not in wanted for job in whole)
    tally.twice = len(ended) - len({job["id"] for job in ended})
    spool = daemon.state / "spool"
    kept = {path.relative_to(spool).parts for path in spool.rglob("*") if path.is_file()}
    known = {(job["id"], name) for job in ended for name in KEPT[State(job["state"])]}
    tally.leftovers = len(kept - known)
    settled = descriptors_of(daemon)
    for number in range(len(SECONDS)):
        load.job(f"afterwards-{number}", number)
    tally.more_descriptors = max(0, descriptors_of(daemon) - settled)
    standing = Counter(title.split()[1] for title in children(daemon.pid).values())
    tally.left_processes += (standing - STANDING).total()
    tally.tracebacks = daemon.log.count("Traceback")


def descriptors_of(daemon: DaemonProcess) -> int:
    """How many it has: the fewest that are seen, since sessions end behind their clients."""
    seen = []
    for _ in range(LOOKS):
        seen.append(len(os.listdir(f"/proc/{daemon.pid}/fd")))
        time.sleep(0.1)
    return min(seen)


def result_of(daemon: DaemonProcess, job: dict[str, Any]) -> str:
    """A hash of the result, or how the job ended that has none."""
    if job["state"] != "succeeded":
        return str(job)
    content = persisted(daemon, lambda client: client.result_of(job["id"]))
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main("processes", __doc__, torture))
