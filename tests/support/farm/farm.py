"""A farm: a Redis, a folder as its store, and hosts, each a daemon and a bridge."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lipsyncctl import Job
from lipsyncfarm.client import FarmClient
from lipsyncfarm.config import load_farm
from lipsyncfarm.record import Record
from support.client.command import LIPSYNCCTL
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon
from support.farm.network import Link
from support.farm.redis import RedisServer
from support.paths import WITH_TESTS

KEY = "the key of the hosts"
LEASE = 2  # seconds
PAUSE = 0.05

Answer = TypeVar("Answer")


class Bridge:
    """A bridge, life after life, from outside."""

    def __init__(
        self, farm: "Farm", name: str, socket: Path, link: Link | None = None, **chosen: object
    ) -> None:
        """`link` leads to where it runs, if that is not here."""
        self.link = link
        chosen |= {"broker": link.broker} if link else {}
        self.directory = farm.directory / name
        self.name = name
        self._words = ["--farm", farm.toml(f"{name}.toml", host=name, **chosen)]
        self._words += ["--socket", socket, "--state", self.directory / "bridge"]
        self._words += ["--cache", self.directory / "cache"]
        self.start()

    def start(self, program: str = "lipsyncfarm.worker") -> None:
        """Another life."""
        environment = os.environ | {"LIPSYNCFARM_KEY": KEY, "PYTHONPATH": WITH_TESTS}
        inside = self.link.inside if self.link else []
        command = [*inside, sys.executable, "-m", program, *map(str, self._words)]
        with (self.directory / "bridge.log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment)

    def revive(self) -> None:
        """What a service manager does with one that has ended by itself."""
        if self.process.poll() is not None:
            assert self.process.returncode not in {0, 2, 64, 78}, self.log
            self.start()

    def end(self, number: int = signal.SIGKILL) -> int:
        """This life ends by a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait()

    @property
    def log(self) -> str:
        """What all lives have said."""
        return (self.directory / "bridge.log").read_text(errors="replace")

    def has_nothing(self) -> bool:
        """No file of a job is left in its state."""
        return not list((self.directory / "bridge").glob("*.*"))


class Host:
    """A daemon and its bridge."""

    def __init__(self, daemon: ReencodingDaemon, bridge: Bridge) -> None:
        self.daemon = daemon
        self.bridge = bridge
        self.link = bridge.link
        self.name = bridge.name

    def end_of(self, client: FarmClient, job: str) -> Job:
        """The job as it ended, while somebody begins the bridge anew that Celery has ended."""

        def look() -> Job | None:
            self.bridge.revive()
            found = client.status(job)
            return found if found.is_ended else None

        ended: Job = until(look)
        return ended


class Farm:
    """Everything of it, in `directory`."""

    def __init__(self, directory: Path, redis: RedisServer, stack: ExitStack) -> None:
        self.directory = directory
        self.redis = redis
        self.store = directory / "store"
        self.store.mkdir()
        self._stack = stack

    def toml(self, file: str = "farm.toml", **chosen: object) -> Path:
        """A farm.toml with these keys beside the usual ones."""
        usual = {"name": "test", "broker": self.redis.url, "store": f"file://{self.store}"}
        keys = usual | {"lease_seconds": LEASE} | chosen
        path = self.directory / file
        path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items()))
        return path

    def host(self, name: str, toml: str = "", link: Link | None = None, **chosen: object) -> Host:
        """One more host, whose daemon serves."""
        (self.directory / name).mkdir()
        daemon = self._stack.enter_context(reencoding_daemon(self.directory / name, toml))
        return Host(daemon, self.bridge(name, daemon.socket, link, **chosen))

    def bridge(self, name: str, socket: Path, link: Link | None = None, **chosen: object) -> Bridge:
        """A bridge to a daemon that there is."""
        (self.directory / name).mkdir(exist_ok=True)
        bridge = Bridge(self, name, socket, link, **chosen)
        self._stack.callback(lambda: bridge.end(signal.SIGKILL))
        return bridge

    def client(self, user: str = "alice", **chosen: object) -> FarmClient:
        """Of a user who has a token."""
        os.environ["LIPSYNCFARM_KEY"] = KEY
        path = self.toml(f"client-{user}.toml", user=user, **chosen)
        client = FarmClient(str(path))
        self._stack.callback(client.close)
        return client

    def record(self) -> Record:
        """The records, as a host named `test` has them."""
        return Record(load_farm(self.toml(host="test")), self.redis.client())

    def run(self, *words: str, user: str = "alice") -> subprocess.CompletedProcess[str]:
        """lipsyncctl, as a user of the farm."""
        path = self.toml(f"client-{user}.toml", user=user)
        environment = os.environ | {"LIPSYNCFARM_KEY": KEY, "PYTHONUTF8": "1"}
        command = [*LIPSYNCCTL, "--farm", str(path), *words]
        pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        return subprocess.run(command, cwd=self.directory, env=environment, check=False, **pipes)

    def results(self) -> list[str]:
        """What is in the store of results."""
        return sorted(path.name for path in self.store.glob("results/*"))


@contextmanager
def opened(directory: Path, *redis: str) -> Iterator[Farm]:
    """A farm without hosts, of which nothing is left at the end."""
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(directory, *redis))
        yield Farm(directory, server, stack)


def until(look: Callable[[], Answer]) -> Any:
    """What is found, as soon as something is."""
    while not (found := look()):
        time.sleep(PAUSE)
    return found


def in_daemon(host: Host, state: str) -> int:
    """How many jobs the daemon has that are queued or running."""
    return int(host.daemon.persist(lambda client: client.ask("health"))[state])
