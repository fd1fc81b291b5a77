"""A daemon that lives in the process of the test, with real parts but for its render."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from queue import SimpleQueue

from lipsyncd.config import Config, Source
from lipsyncd.errors import LipsyncError
from lipsyncd.main import serve
from lipsyncd.protocol.connection import Connection
from lipsyncd.server.client import ClientConnection
from lipsyncd.server.peer import Peer
from lipsyncd.server.session import Session
from lipsyncd.service.controlplane import ControlPlane, open_controlplane
from lipsyncd.service.worker import Calls
from lipsyncd.system.notify import Notifier
from lipsyncd.system.status import Status
from support.client.session import Client, session
from support.daemon.renderers import PacedRenderer, Render, at_once

TERM = 15


class Announcing(Notifier):
    """systemd's, and an event that is set when the daemon is ready."""

    def __init__(self, is_ready: threading.Event) -> None:
        super().__init__()
        self._is_ready = is_ready

    def ready(self) -> None:
        super().ready()
        self._is_ready.set()


class Daemon:
    """What `main.serve` runs, with the socket and the state in one directory."""

    def __init__(self, directory: Path, limits: Mapping[str, int], render: Render) -> None:
        self.toml = directory / "lipsyncd.toml"
        chosen = [f"{name} = {value}" for name, value in limits.items()]
        # one at a time, so that a test knows what runs and what waits
        self.toml.write_text("\n".join(["[render]", "max_active = 1", "[limits]", *chosen]))
        places = {"socket": str(directory / "control.sock"), "state": str(directory / "state")}
        self.source = Source(self.toml, places)
        self.config: Config = self.source.read()
        self.renderer = PacedRenderer(render)
        self.calls: Calls = SimpleQueue()
        self.serving = threading.Event()  # sessions are served
        self.may_load = threading.Event()  # the models, which are none, may be loaded
        self.is_ready = threading.Event()
        self.ended = threading.Event()
        self.is_told = False  # to stop
        self.error: LipsyncError | None = None

    def live(self) -> None:
        notifier = Announcing(self.is_ready)
        try:
            serve(self.source, self.load, notifier, Status(), self.calls)
        except LipsyncError as error:
            self.error = error
        finally:
            notifier.close()
            self.serving.set()
            self.ended.set()

    def load(self, _config: Config, report: Callable[[str], None]) -> PacedRenderer:
        report("loading nothing at all")
        self.serving.set()
        self.may_load.wait()
        return self.renderer

    def client(self, greet: bool = True) -> AbstractContextManager[Client]:
        """A session with it."""
        return session(self.config.socket, greet)

    def stop(self) -> None:
        self.is_told = True
        self.calls.put(TERM)


@contextmanager
def living(
    directory: Path, render: Render = at_once, is_loaded: bool = True, **limits: int
) -> Iterator[Daemon]:
    """A daemon that serves sessions, and is stopped at the end."""
    daemon = Daemon(directory, limits, render)
    if is_loaded:
        daemon.may_load.set()
    thread = threading.Thread(target=daemon.live)
    thread.start()
    daemon.serving.wait()
    try:
        yield daemon
    finally:
        daemon.may_load.set()
        if not daemon.is_told:  # a second time would cut its drain short
            daemon.stop()
        thread.join()


@contextmanager
def with_controlplane(directory: Path) -> Iterator[ControlPlane]:
    """What sessions share, without a daemon around it."""
    daemon, notifier = Daemon(directory, {}, at_once), Notifier()
    parts = (daemon.source, daemon.config, Status(), notifier)
    with open_controlplane(*parts) as controlplane:
        yield controlplane
    notifier.close()


@contextmanager
def session_of(uid: int, controlplane: ControlPlane) -> Iterator[Client]:
    """A session of this user, whoever runs the test."""
    ours, theirs = socket.socketpair()
    session = Session(
        ClientConnection(theirs, controlplane.intake, uid), Peer(1, uid), controlplane
    )
    thread = threading.Thread(target=session.run)
    thread.start()
    with Connection(ours) as connection:
        yield Client(connection)
    thread.join()
    theirs.close()
