"""A farm, of which something is killed or cut off at random: each job comes out once, and whole.

`PYTHONPATH=tests python tests/torture/farm.py --kills 200`
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
from support.daemon.reencoding import FRAMES, frames_in
from support.farm.farm import KEY, LEASE, Farm, Host, opened, until
from support.farm.network import Link, Network, can_have_networks
from support.torture import Load, main

from lipsyncd.errors import LipsyncError
from lipsyncfarm.client import FarmClient
from lipsyncfarm.store import MediaStore
from lipsyncfarm.sweep import sweep

HOSTS = 3
LONGEST_PAUSE = 1.0  # seconds between two kills
SUBMITTERS = 2
UNFINISHED = 3  # jobs of one submitter
SHARE = 4  # frames, of which a job has twelve
PACE = 0.3  # seconds of a part, of which a job has four

Answer = TypeVar("Answer")


@dataclass
class Tally:
    """What came of it; all but the first four have to be 0."""

    kills: int = 0
    accepted: int = 0
    attempts: int = 0
    led: int = 0  # attempts that were made in shares
    lost: int = 0
    broken: int = 0
    twice: int = 0
    leftovers: int = 0
    mistakes: int = 0

    @property
    def is_clean(self) -> bool:
        return not any((self.lost, self.broken, self.twice, self.leftovers, self.mistakes))


class Jobs(Load):
    """Users who hand in jobs without end, through all that happens."""

    def __init__(self, farm: Farm, host: Host) -> None:
        super().__init__(SUBMITTERS)
        self._clients = [farm.client(f"user-{number}") for number in range(SUBMITTERS)]
        self._files = host.daemon.face, host.daemon.voice
        self.accepted: list[tuple[FarmClient, str]] = []

    def submit(self, number: int) -> None:
        client, mine = self._clients[number], list[str]()
        while not self.is_stopped:
            key = f"{number}-{len(mine)}"
            job = persist(lambda: client.submit(*self._files, key=key))  # noqa: B023
            mine.append(job.id)
            self.accepted.append((client, job.id))
            if len(mine) > UNFINISHED:
                persist(lambda: client.wait(mine[-UNFINISHED]))


def persist(act: Callable[[], Answer]) -> Answer:
    """Ask until there is an answer."""
    while True:
        try:
            return act()
        except LipsyncError:
            time.sleep(0.1)


def harm(farm: Farm, host: Host, chance: random.Random) -> None:
    """Something that happens to machines."""
    harms = ["bridge", "bridge", "daemon", "told", "stopped", "redis", *["cut"] * bool(host.link)]
    match chance.choice(harms):
        case "bridge":
            host.bridge.end(signal.SIGKILL)
            time.sleep(chance.uniform(0, 1.5 * LEASE))
            host.bridge.start()
        case "told":
            host.bridge.end(signal.SIGTERM)
            host.bridge.start()
        case "stopped":  # for longer than its lease
            host.bridge.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0, 2 * LEASE))
            host.bridge.process.send_signal(signal.SIGCONT)
        case "cut":  # from Redis, while it reaches the store
            host.link.cut()
            time.sleep(chance.uniform(0, 2 * LEASE))
            host.link.heal()
        case "daemon":
            host.daemon.end(signal.SIGKILL)
            host.daemon.start()
        case "redis":
            farm.redis.kill()
            farm.redis.start()


def torture(directory: Path, kills: int, seed: int) -> Tally:
    """Harm so often, and look at all there is afterwards."""
    chance, tally = random.Random(seed), Tally()
    os.environ["LIPSYNCFARM_KEY"] = KEY
    with ExitStack() as stack:
        links: list[Link | None] = [None] * HOSTS
        words: list[str] = []
        if can_have_networks():
            network = stack.enter_context(Network(HOSTS))
            links, words = [*network.links], network.of_redis
        farm = stack.enter_context(opened(directory, *words))
        hosts = [
            farm.host(f"host-{number}", link=link, share_frames=SHARE)
            for number, link in enumerate(links)
        ]
        for host in hosts:
            host.daemon.pace(PACE)
        load = Jobs(farm, hosts[0])
        load.start()
        for _ in range(kills):
            time.sleep(chance.uniform(0, LONGEST_PAUSE))
            harm(farm, chance.choice(hosts), chance)
            for host in hosts:
                host.bridge.revive()
            tally.kills += 1
        load.stop()
        audit(farm, hosts, load, tally)
        tally.led = sum(host.bridge.log.count("is made in shares") for host in hosts)
        tally.mistakes = sum(host.bridge.log.count("a mistake of ours") for host in hosts)
    return tally


def audit(farm: Farm, hosts: list[Host], load: Jobs, tally: Tally) -> None:
    """Every job that was accepted, and all that is in the store and at the hosts."""
    for number, (client, job) in enumerate(load.accepted):
        for host in hosts:
            host.bridge.revive()
        ended = client.wait(job)
        tally.accepted += 1
        tally.attempts += ended["attempts"]
        tally.lost += ended.state != "succeeded"
        if ended.state == "succeeded":
            path = farm.directory / f"{number}.mp4"
            client.fetch(job, path)
            tally.broken += not is_whole(path)
    tally.twice = len(farm.client("root").list()) - len(load.accepted)
    for host in hosts:
        until(host.bridge.has_nothing)
        tally.leftovers += len(host.daemon.spooled())
    store = MediaStore(farm.client().farm)
    sweep(farm.record(), store, keep=0, cut_off=0)
    tally.leftovers += sum(path.is_file() for path in farm.store.rglob("*"))


def is_whole(path: Path) -> bool:
    """Whether every frame is there."""
    try:
        return frames_in(path) == FRAMES
    except av.FFmpegError:
        return False


if __name__ == "__main__":
    sys.exit(main("farm", __doc__, torture))
