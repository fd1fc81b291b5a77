"""One session with the daemon: it asks, and gives back what was answered or raises it."""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lipsyncctl.reach import LOOK, Remark, connect
from lipsyncd import __version__
from lipsyncd.connection import Connection, Message
from lipsyncd.errors import LipsyncError, MalformedMessage, ServerUnreachable
from lipsyncd.wire import HINT, VERSIONS, Kind

ANSWER = 10.0  # seconds for an answer that costs the daemon no work
SILENCE = 30.0  # seconds until a daemon is taken for hung that should send an event every ten


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
def open_client(
    address: Path, patience: float = 0.0, remark: Remark = lambda _: None
) -> Iterator[Client]:
    """A session with the daemon at `address`, which has `patience` seconds to make its socket.

    `remark` hears of it when they begin. Raises ServerUnreachable, AccessDenied, or InvalidRequest
    for no possible socket; they tell where we tried and what to do.
    """
    with Connection(connect(address, patience, ANSWER, remark)) as connection:
        yield Client(connection, address)
