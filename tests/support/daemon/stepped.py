"""A daemon in a process of its own, to be killed. `stepped.py FAULT --state ... --socket ...`

It tells on stdout what it has come to, and goes on from each step of a render when a line comes
in on stdin. FAULT is `none`, or the name of the error its load or its render meets, or `mute` and
the verb of a reply or an event that it is killed instead of sending: `mute accepted`.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsyncd.config import Config
from lipsyncd.errors import CheckpointMissing, DeviceLost
from lipsyncd.main import live
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.wire import Kind
from support.client.session import Client
from support.daemon.renderers import PacedRenderer, Steps

FAULT = sys.argv.pop(1) if __name__ == "__main__" else "none"


class Victim:
    """Such a process, from outside."""

    def __init__(
        self, directory: Path, fault: str = "none", socket_name: str = "control.sock"
    ) -> None:
        self.socket = directory / socket_name
        places = ["--state", str(directory / "state"), "--socket", str(self.socket)]
        toml = directory / "victim.toml"
        toml.write_text("[render]\nmax_active = 1\n")  # so that it comes to one step at a time
        with (directory / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, fault, *places, "--config", str(toml)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def come_to(self, what: str) -> None:
        """Wait until it says so."""
        assert self.process.stdout
        while (line := self.process.stdout.readline()) != f"{what}\n":
            assert line, f"it ended before it came to {what}"

    def let_go(self, steps: int = 3) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n" * steps)
        self.process.stdin.flush()

    def end(self, number: int | None = None) -> int:
        """Its exit code, after this signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait()

    @contextmanager
    def client(self) -> Iterator[Client]:
        sock = socket.socket(socket.AF_UNIX)
        with Connection(sock) as connection:
            sock.connect(str(self.socket))
            yield Client(connection)


@contextmanager
def victim(directory: Path, fault: str = "none") -> Iterator[Victim]:
    """A process that serves sessions, and is dead afterwards."""
    found = Victim(directory, fault)
    try:
        found.come_to("serving")
        yield found
    finally:
        found.process.kill()
        found.process.wait()
        for pipe in (found.process.stdin, found.process.stdout):
            if pipe:
                pipe.close()


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def render(_options: Options, paths: Paths) -> Steps:
    part = paths.result.with_name("result.part")
    part.write_bytes(paths.face.read_bytes() + paths.voice.read_bytes())
    for step in range(1, 4):
        say(f"step {step}")
        sys.stdin.readline()
        yield Progress(step, 3, step)
    if FAULT == "gpu.lost":
        raise DeviceLost("The GPU is gone.", "Look into the kernel's log.")
    part.replace(paths.result)


def load(_config: Config, _report: Callable[[str], None]) -> PacedRenderer:
    say("serving")
    if FAULT == "checkpoint.missing":
        raise CheckpointMissing("There is no checkpoint.", "Put it there.")
    if FAULT == "slow":
        sys.stdin.readline()
    return PacedRenderer(render)


def be_killed_before(verb: str) -> None:
    """Whatever has been done for this message is done, and its receiver never knows."""
    send = Connection.send

    def send_or_die(self: Connection, kind: Kind, body: Mapping[str, Any], *more: Any) -> None:
        if body.get("verb") == verb:
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, kind, body, *more)

    Connection.send = send_or_die


if __name__ == "__main__":
    if FAULT.startswith("mute "):
        be_killed_before(FAULT.removeprefix("mute "))
    sys.exit(live(load))
