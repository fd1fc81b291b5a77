"""A farm of four hosts against one host: many short jobs, and a long one.

`PYTHONPATH=tests python tests/bench/farm.py`. A device is simulated: what it would compute takes
its time, and nothing of the processor. All else is real, and all of it is on this machine.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.daemon.reencoding import FRAMES, PART, voice
from support.farm.farm import KEY, Farm, opened, until
from table import tell_figures

from lipsyncfarm.client import FarmClient

HOSTS = 4
SHORT, PACE = 24, 1.0  # jobs; seconds of a part, of which a short job has four
LONG = 30 * FRAMES  # frames
CHOSEN = {"slots": 1, "share_frames": LONG // 12, "lease_seconds": 30}


@contextmanager
def running(hosts: int) -> Iterator[tuple[Farm, FarmClient]]:
    """A farm of so many hosts, all of which are ready."""
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory)) as farm:
        for number in range(hosts):
            farm.host(f"host-{number}", **CHOSEN).daemon.pace(PACE)
        client = farm.client(**CHOSEN)
        until(lambda: [each["state"] for each in client.hosts()] == ["ready"] * hosts)
        yield farm, client


def timed(client: FarmClient, count: int, face: Path, spoken: Path) -> float:
    """The seconds until so many jobs have come to their ends."""
    begun = time.monotonic()
    jobs = [client.submit(face, spoken, key=f"{begun}-{number}").id for number in range(count)]
    for job in jobs:
        assert client.wait(job).state == "succeeded"
    return time.monotonic() - begun


def traffic(farm: Farm) -> int:
    """The bytes that have come to Redis and gone from it so far."""
    stats = farm.redis.client().info("stats")
    return int(stats["total_net_input_bytes"] + stats["total_net_output_bytes"])


def measured(hosts: int) -> dict[str, float]:
    """Seconds for the short jobs and for the long one; bytes of Redis for each short one."""
    with running(hosts) as (farm, client):
        face = farm.directory / "host-0/face.mp4"
        spoken = farm.directory / "host-0/voice.wav"
        timed(client, hosts, face, spoken)  # the inputs are at hosts then, and processes are warm
        before = traffic(farm)
        short = timed(client, SHORT, face, spoken)
        sent = traffic(farm) - before
        long = timed(client, 1, face, voice(farm.directory / "long.wav", LONG))
    return {"short": short, "long": long, "bytes": sent / SHORT}


def main() -> int:
    """Two rows of figures."""
    os.environ["LIPSYNCFARM_KEY"] = KEY
    one, four = measured(1), measured(HOSTS)
    for hosts, found in ((1, one), (HOSTS, four)):
        tell_figures(f"farm, {hosts} hosts", {f"{SHORT} short jobs": found["short"]}, "s")
        tell_figures(f"farm, {hosts} hosts", {"a long job": found["long"]}, "s")
        tell_figures(f"farm, {hosts} hosts", {"Redis, for a job": found["bytes"] / 1000}, "kB")
    device = PACE * FRAMES / PART
    overhead = {"overhead of a job": 1000 * (one["short"] / SHORT - device)}
    tell_figures("farm", overhead, "ms")
    for kind in ("short", "long"):
        ratio = {f"{HOSTS} hosts against one, {kind}": one[kind] / four[kind]}
        tell_figures("farm", ratio, "x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
