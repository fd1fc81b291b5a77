"""A real daemon in a process of its own: started, told, killed, and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from lipsyncd.errors import LipsyncError, ProtocolError, QueueError
from support.client.session import Client, session
from support.paths import WITH_TESTS

PAUSE = 0.02  # seconds between two attempts to reach a daemon that is not there
GONE = (OSError, EOFError)

Answer = TypeVar("Answer")


class DaemonProcess:
    """A daemon whose socket, state, configuration and log are in `directory`.

    `program` is what `python -m` runs: the daemon as it is, or one of this package that gives it
    another renderer. `how` is for its process.
    """

    def __init__(
        self,
        directory: Path,
        toml: str = "",
        *,
        program: Sequence[object] = ("lipsyncd",),
        socket: Path | None = None,
        state: Path | None = None,
        **how: Any,
    ) -> None:
        self.directory = directory
        self.socket = socket or directory / "control.sock"
        self.state = state or directory / "state"
        toml_file = directory / "lipsyncd.toml"
        toml_file.write_text(toml)
        self._words = ["-m", *program, *places(self.state, self.socket, toml_file)]
        self._how = {"log": directory / "log", "cwd": directory} | how
        self.start()

    def start(self) -> None:
        """The first life, or another one with the same state."""
        self.process = spawn(*self._words, **self._how)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It is dead afterwards."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    @property
    def pid(self) -> int:
        """Of this life."""
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """It has not ended."""
        return self.process.poll() is None

    @property
    def log(self) -> str:
        """What all lives have said."""
        return (self.directory / "log").read_text(errors="replace")

    def client(self) -> AbstractContextManager[Client]:
        """A session with this life."""
        return session(self.socket)

    def end(self, number: int = signal.SIGTERM) -> int:
        """This life ends by a signal, unless it has already; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code of a life that ends by itself."""
        return self.process.wait()

    def wait_until_ready(self) -> None:
        """Its models are loaded; nobody but a service manager is told when."""
        while not self._is_ready():
            assert self.is_alive, self.log
            time.sleep(PAUSE)

    def _is_ready(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ask("health")["ready"])
        except GONE:
            return False


def persisted(
    daemon: DaemonProcess, act: Callable[[Client], Answer], *also: type[LipsyncError]
) -> Answer:
    """Ask until there is an answer, whoever is killed meanwhile; `also` are errors to go over."""
    while True:
        try:
            with daemon.client() as client:
                return act(client)
        except (*GONE, ProtocolError, QueueError, *also):
            time.sleep(PAUSE)


def children(pid: int) -> dict[int, str]:
    """The processes below one, which it has started or taken over, by what they are called."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = path.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid:
                title = path.joinpath("cmdline").read_bytes().split(b"\0")[0].decode()
                found[int(path.name)] = title
    return found


def places(state: Path, socket: Path, toml: Path) -> list[str]:
    """Where a daemon has what, as it is told on its command line."""
    return ["--state", str(state), "--socket", str(socket), "--config", str(toml)]


def spawn(
    *words: object,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **how: Any,
) -> subprocess.Popen[Any]:
    """Python with these words; what it says on stderr goes to the end of `log`."""
    variables = os.environ | {"PYTHONPATH": WITH_TESTS} | dict(environment or {})
    with ExitStack() as stack:
        stderr = stack.enter_context(log.open("ab")) if log else None
        stack.enter_context(signals_blocked())
        command = [sys.executable, *map(str, words)]
        return subprocess.Popen(command, env=variables, stderr=stderr, **how)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """So that a child has them blocked before its libraries begin threads that would take them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def started(directory: Path, toml: str = "", **environment: str) -> Iterator[DaemonProcess]:
    """The daemon as it is in production, just started; at the end it is told to stop, and has to.

    On the CPU, if these lines of TOML name no device.
    """
    device = "" if "device" in toml else 'device = "cpu"\n'
    with DaemonProcess(directory, device + toml, environment=environment) as daemon:
        yield daemon
        daemon.end()


@contextmanager
def ready(directory: Path, toml: str = "", **environment: str) -> Iterator[DaemonProcess]:
    """Such a daemon that has loaded its models."""
    with started(directory, toml, **environment) as daemon:
        daemon.wait_until_ready()
        yield daemon
