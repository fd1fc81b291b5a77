"""A farm of four hosts against one host: many short jobs, and a long one.

`PYTHONPATH=tests python tests/bench/farm.py --pace 4`. A device is simulated: what it would compute
takes its time, and nothing of the processor. All else is real, and all of it is on this machine,
whose processors are there once for four hosts. So beside each ratio is which share of them the farm
used, and which all that ran there did: a ratio tells of the farm only where both are far from 1.
The longer a device takes for a part (`--pace`, in seconds), the less they are.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from service import TICKS, cpu_seconds
from support.daemon.process import children
from support.daemon.reencoding import FRAMES, PART, voice
from support.farm.farm import KEY, Farm, Host, opened, until
from table import tell_figures

from lipsyncfarm.client import FarmClient

HOSTS = 4
SHORT = 24  # jobs, each of FRAMES / PART parts
LONG = 30 * FRAMES  # frames
CHOSEN = {"slots": 1, "share_frames": LONG // 12, "lease_seconds": 30}
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Used:
    """Seconds: of the clock, and of the processors for each part of a farm and for all that ran."""

    clock: float
    daemons: float
    bridges: float
    redis: float
    client: float
    machine: float

    @property
    def farm(self) -> float:
        """Of the processors, for all its parts."""
        return self.daemons + self.bridges + self.redis + self.client

    def since(self, before: "Used") -> "Used":
        """What has been used between two moments."""
        both = zip(astuple(self), astuple(before), strict=True)
        return Used(*(now - then for now, then in both))


class Running:
    """A farm of so many hosts, all of which are ready."""

    def __init__(self, farm: Farm, hosts: int, pace: float) -> None:
        self.farm = farm
        self.hosts = [self._host(number, pace) for number in range(hosts)]
        self.client: FarmClient = farm.client(**CHOSEN)
        until(lambda: [each["state"] for each in self.client.hosts()] == ["ready"] * hosts)

    def _host(self, number: int, pace: float) -> Host:
        host = self.farm.host(f"host-{number}", **CHOSEN)
        host.daemon.pace(pace)
        return host

    def used(self) -> Used:
        """So far."""
        return Used(
            clock=time.monotonic(),
            daemons=sum(spent_by(host.daemon.pid) for host in self.hosts),
            bridges=sum(spent_by(host.bridge.process.pid) for host in self.hosts),
            redis=spent_by(self.farm.redis.process.pid),
            client=time.process_time(),
            machine=spent_by_all(),
        )

    def timed(self, count: int, face: Path, spoken: Path) -> Used:
        """What is used until so many jobs have come to their ends."""
        before, client = self.used(), self.client
        keys = [f"{before.clock}-{number}" for number in range(count)]
        for job in [client.submit(face, spoken, key=key).id for key in keys]:
            assert client.wait(job).state == "succeeded"
        return self.used().since(before)

    def traffic(self) -> int:
        """The bytes that have come to Redis and gone from it so far."""
        stats = self.farm.redis.client().info("stats")
        return int(stats["total_net_input_bytes"] + stats["total_net_output_bytes"])


def spent_by(pid: int) -> float:
    """Seconds of the processor that a process has used, with all that it has started."""
    with suppress(OSError):  # it has ended, and its parent counts it
        return cpu_seconds(pid, with_ended=True) + sum(map(spent_by, children(pid)))
    return 0.0


def spent_by_all() -> float:
    """Those that all processes of the machine have used since it began."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, interrupts, soft, stolen = map(int, fields[:8])
    return (user + nice + system + interrupts + soft + stolen) / TICKS


@contextmanager
def running(hosts: int, pace: float) -> Iterator[Running]:
    """Of which nothing is left at the end."""
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory)) as farm:
        yield Running(farm, hosts, pace)


def measured(hosts: int, pace: float) -> dict[str, Used]:
    """What the short jobs took, and the long one, each of which is told."""
    with running(hosts, pace) as farm:
        face = farm.farm.directory / "host-0/face.mp4"
        spoken = farm.farm.directory / "host-0/voice.wav"
        farm.timed(hosts, face, spoken)  # the inputs are at hosts then, and processes are warm
        before = farm.traffic()
        short = farm.timed(SHORT, face, spoken)
        sent = farm.traffic() - before
        long = farm.timed(1, face, voice(farm.farm.directory / "long.wav", LONG))
    name = f"farm, {hosts} hosts"
    tell(f"{name}, {SHORT} short jobs", short, SHORT)
    tell_figures(name, {"Redis, for a short job": sent / SHORT / 1000}, "kB")
    tell(f"{name}, a long job", long, 1)
    return {"short": short, "long": long}


def tell(name: str, used: Used, jobs: int) -> None:
    """What so many jobs took."""
    tell_figures(name, {"from the first to the last": used.clock}, "s")
    parts = ("daemons", "bridges", "redis", "client")
    of_each = {f"processor for a job, {part}": getattr(used, part) / jobs for part in parts}
    tell_figures(name, of_each, "s")
    whole = used.clock * CORES
    shares = {
        "of the cores, the farm": used.farm / whole,
        "of the cores, all": used.machine / whole,
    }
    tell_figures(name, shares, "x")


def main() -> int:
    """The figures of both, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pace", metavar="SECONDS", type=float, default=4.0)
    pace = parser.parse_args().pace
    os.environ["LIPSYNCFARM_KEY"] = KEY
    one, four = measured(1, pace), measured(HOSTS, pace)
    device = pace * FRAMES / PART
    overhead = {"overhead of a short job": 1000 * (one["short"].clock / SHORT - device)}
    tell_figures("farm", overhead, "ms")
    for kind in ("short", "long"):
        ratio = {f"{HOSTS} hosts against one, {kind}": one[kind].clock / four[kind].clock}
        tell_figures("farm", ratio, "x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
