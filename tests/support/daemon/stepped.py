"""A daemon whose renders go step by step: `python -m support.daemon.stepped FAULT --state ...`

It tells on stdout what it has come to, and goes on from each step of a render when a line comes
in on stdin. FAULT is `none`, or the name of the error its load or its render meets, or `mute` and
the verb of a reply or an event that it is killed instead of sending: `mute accepted`.
"""

import os
import signal
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
from support.daemon.process import DaemonProcess
from support.daemon.renderers import PacedRenderer, Steps

PROGRAM = "support.daemon.stepped"
FAULT = sys.argv.pop(1) if __name__ == "__main__" else "none"


TOML = "[render]\nmax_active = 1\n"  # so that it comes to one step at a time


class SteppedDaemon(DaemonProcess):
    """Such a process, from outside."""

    def __init__(self, directory: Path, fault: str = "none", socket: Path | None = None) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        super().__init__(directory, TOML, program=(PROGRAM, fault), socket=socket, **pipes)

    def come_to(self, what: str) -> None:
        """Wait until it says so."""
        while (line := self.process.stdout.readline()) != f"{what}\n":
            assert line, f"it ended before it came to {what}"

    def let_go(self, steps: int = 3) -> None:
        """It goes on from so many steps."""
        self.process.stdin.write("\n" * steps)
        self.process.stdin.flush()


@contextmanager
def stepped_daemon(directory: Path, fault: str = "none") -> Iterator[SteppedDaemon]:
    """A process that serves sessions, and is dead afterwards."""
    with SteppedDaemon(directory, fault) as daemon:
        daemon.come_to("serving")
        yield daemon


def say(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def render(_options: Options, paths: Paths, *_: object) -> Steps:
    part = paths.result.with_name("result.part")
    part.write_bytes(b"".join(map(Path.read_bytes, (paths.face, *paths.voices))))
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
