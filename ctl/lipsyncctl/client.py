"""One session with the daemon: it asks, and gives back what was answered or raises it."""

import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lipsyncd import __version__
from lipsyncd.connection import Connection, Message
from lipsyncd.errors import AccessDenied, LipsyncError, MalformedMessage, ServerUnreachable
from lipsyncd.wire import HINT, VERSIONS, Kind

ANSWER = 10.0  # seconds for an answer that costs the daemon no work
SILENCE = 30.0  # seconds until a daemon is taken for hung that should send an event every ten
RETRY = 0.1  # seconds between two attempts to connect to a daemon that may be starting
START = "Start it with `systemctl start lipsyncd.socket`, or run `lipsyncd` by hand."
LOOK = "Look with `systemctl status lipsyncd.socket lipsyncd`, or where `lipsyncd` was started."


class ConnectionLost(ServerUnreachable):
    """The daemon was there, and has gone before it answered."""


class Client:
    """One session; `state` is what the daemon was in at its beginning, ready or another."""

    def __init__(self, connection: Connection, address: Path) -> None:
        self.connection = connection
        self.address = address
        self.requests = 0
        welcome = self.ask("hello", versions=list(VERSIONS), client=f"lipsyncctl {__version__}")
        self.state = str(welcome.body["state"])

    def ask(
        self,
        verb: str,
        patience: float | None = ANSWER,
        descriptors: Sequence[int] = (),
        **fields: object,
    ) -> Message:
        """The reply to a request, within `patience` seconds (None: however long it takes).

        Raises the daemon's error, or ServerUnreachable if there is no answer.
        """
        self.request(verb, fields, descriptors)
        return self.receive(patience)

    def stream(self, verb: str, **fields: object) -> Iterator[Message]:
        """The events of a request as they come, and at last its reply, if there is one."""
        self.request(verb, fields)
        message = self.receive(SILENCE)
        while message.kind is Kind.EVENT:
            yield message
            message = self.receive(SILENCE)
        yield message

    def request(
        self, verb: str, fields: dict[str, object], descriptors: Sequence[int] = ()
    ) -> None:
        """Sends a request; what answers it is to be received before the next one."""
        self.requests += 1
        try:
            body = {"verb": verb, "id": self.requests, **fields}
            self.connection.send(Kind.REQUEST, body, descriptors)
        except TimeoutError as error:
            raise self.silence() from error

    def receive(self, patience: float | None) -> Message:
        """The next event of the request under way, or its reply."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        if not poll.poll(None if patience is None else patience * 1000):
            raise self.silence()
        try:
            message = self.connection.receive()
        except TimeoutError as error:
            raise self.silence() from error
        if message is None:
            raise ConnectionLost(f"The daemon at {self.address} hung up.", LOOK)
        if message.kind is Kind.ERROR:
            raise LipsyncError.from_map(message.body)
        if message.body.get("id") != self.requests:
            raise MalformedMessage("The daemon answers what was not asked.", HINT)
        return message

    def silence(self) -> ServerUnreachable:
        """The error for a daemon that is there but says nothing."""
        return ServerUnreachable(f"The daemon at {self.address} does not answer.", LOOK)


@contextmanager
def open_client(address: Path, patience: float = 0.0) -> Iterator[Client]:
    """A session with the daemon at `address`, which has `patience` seconds to make its socket.

    Raises ServerUnreachable or AccessDenied, which tell where we tried and what to do.
    """
    with Connection(connect(address, time.monotonic() + patience)) as connection:
        yield Client(connection, address)


def connect(address: Path, deadline: float) -> socket.socket:
    """A connected socket; tries until the deadline if the folder of the socket is there."""
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(ANSWER)
        try:
            sock.connect(str(address))
            return sock
        except OSError as error:
            sock.close()
            if not is_starting(error, address) or time.monotonic() >= deadline:
                raise failure(error, address) from error
            time.sleep(RETRY)


def is_starting(error: OSError, address: Path) -> bool:
    """Whether the daemon may be about to listen where we failed to connect."""
    is_absent = isinstance(error, FileNotFoundError | ConnectionRefusedError)
    return is_absent and address.parent.is_dir()


def failure(error: OSError, address: Path) -> AccessDenied | ServerUnreachable:
    """Why there is no session, in words."""
    match error:
        case PermissionError():
            return AccessDenied(
                f"You may not use the socket {address}.",
                "Ask for membership in its group (`ls -l` names it), then log in again.",
            )
        case FileNotFoundError():
            return ServerUnreachable(f"No daemon: there is no socket at {address}.", START)
        case ConnectionRefusedError():
            return ServerUnreachable(f"No daemon listens at {address}.", START)
    return ServerUnreachable(f"No daemon at {address}: {error.strerror or error}.", LOOK)
