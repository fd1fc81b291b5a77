"""A daemon with real renders but no models (reencoding.py), killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lipsyncd.errors import ProtocolError, QueueError
from lipsyncd.protocol.connection import Connection
from support.client.session import Client, hand_in
from support.daemon import reencoding

PAUSE = 0.02  # seconds between two attempts to reach a daemon that is not there
GONE = (OSError, EOFError)

Answer = TypeVar("Answer")


class Lives:
    """One daemon after the other with the same state; all they have is in `directory`."""

    def __init__(self, directory: Path, toml: str = "", state: Path | None = None) -> None:
        self.directory = directory
        self.state = state or directory / "state"
        self.face = reencoding.face(directory / "face.mp4")
        self.voice = reencoding.voice(directory / "voice.wav")
        self._toml = directory / "lipsyncd.toml"
        self._toml.write_text(toml)
        self._process: subprocess.Popen[bytes] | None = None
        self.begin()

    @property
    def pid(self) -> int:
        """The process of this life."""
        assert self._process
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """It has not ended."""
        assert self._process
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What all lives have said."""
        return (self.directory / "log").read_text()

    def begin(self) -> None:
        """Another life."""
        places = ["--state", str(self.state), "--socket", str(self.directory / "control.sock")]
        command = [sys.executable, reencoding.__file__, *places, "--config", str(self._toml)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with (self.directory / "log").open("ab") as log, signals_blocked():
            self._process = subprocess.Popen(command, env=environment, stderr=log)

    def end(self, number: int = 15) -> int:
        """This life ends by a signal; its exit code."""
        assert self._process
        self._process.send_signal(number)
        return self._process.wait()

    def died(self) -> int:
        """The exit code of a life that ends by itself."""
        assert self._process
        return self._process.wait()

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A session with this life."""
        sock = socket.socket(socket.AF_UNIX)
        with Connection(sock) as connection:
            sock.connect(str(self.directory / "control.sock"))
            yield Client(connection)

    def persist(self, act: Callable[[Client], Answer]) -> Answer:
        """Ask until there is an answer, whoever is killed meanwhile."""
        while True:
            try:
                with self.client() as client:
                    return act(client)
            except (*GONE, ProtocolError, QueueError):
                time.sleep(PAUSE)

    def submit(self, face: Path | None = None, **terms: object) -> str:
        """Hand in a job, however long it takes; its id."""
        return self.persist(lambda client: hand_in(client, face or self.face, self.voice, **terms))

    def hold(self) -> None:
        """No render goes on from now on, so that what comes has to wait."""
        self.state.with_name("hold").touch()

    def let_go(self) -> None:
        """Every render goes on."""
        self.state.with_name("hold").unlink()

    def end_of(self, job: str) -> Any:
        """The job as it ended, in whatever life."""
        return self.persist(lambda client: client.end_of(job))

    def spooled(self) -> set[str]:
        """The files in the spool."""
        spool = self.state / "spool"
        return {str(path.relative_to(spool)) for path in spool.rglob("*") if path.is_file()}


@contextmanager
def signals_blocked() -> Iterator[None]:
    """So that a child has them blocked before its libraries begin threads that would take them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def lives(directory: Path, toml: str = "", state: Path | None = None) -> Iterator[Lives]:
    """A daemon that serves, and is told to stop at the end."""
    found = Lives(directory, toml, state)
    try:
        found.persist(lambda client: client.ask("health"))
        yield found
        assert found.end() == 0
    finally:
        found.end(signal.SIGKILL)
