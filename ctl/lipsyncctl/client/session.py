"""One session with the daemon: it asks, and gives back what was answered or raises it."""

import math
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.units import look, refuse_to_start
from lipsyncd import __version__
from lipsyncd.errors import LipsyncError, MalformedMessage, ServerUnreachable
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import HINT, VERSIONS, Kind

ANSWER = 10.0  # seconds for an answer that costs the daemon no work
SILENCE = 30.0  # seconds until a daemon is taken for hung that should send an event every ten
UNNOTICED = 1.0  # seconds of waiting that nobody has to be told of
PAUSE = 0.1  # seconds between two attempts to connect to a daemon that may be starting

Notice = Callable[[str], None]  # hears what is worth knowing beside an answer, in a sentence


class ConnectionLost(ServerUnreachable):
    """The daemon was there, and has gone before it answered."""


class Session:
    """One session; `state` is what the daemon was in at its beginning, ready or another."""

    def __init__(self, connection: Connection, address: str, deadline: Deadline) -> None:
        self.connection = connection
        self.address = address
        self.deadline = deadline
        self.requests = 0
        welcome = self.ask("hello", versions=list(VERSIONS), client=f"lipsyncctl {__version__}")
        self.state = str(welcome.body["state"])

    def ask(
        self,
        verb: str,
        timeout: float | None = ANSWER,
        descriptors: Sequence[int] = (),
        **fields: object,
    ) -> Message:
        """The reply to a request, within `timeout` seconds (None: however long it takes).

        Raises the daemon's error, ServerUnreachable if there is no answer, or TimeIsUp.
        """
        self.request(verb, fields, descriptors)
        return self.receive(timeout)

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

    def receive(self, timeout: float | None) -> Message:
        """The next event of the request under way, or its reply."""
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        seconds = self.deadline.capped(timeout)
        if not poll.poll(None if seconds is None else math.ceil(seconds * 1000)):
            self.deadline.check()
            raise self.silence()
        try:
            message = self.connection.receive()
        except TimeoutError as error:
            raise self.silence() from error
        if message is None:
            raise ConnectionLost(f"The daemon at {self.address} hung up.", look(self.address))
        if message.kind is Kind.ERROR:
            raise LipsyncError.from_map(message.body)
        if message.body.get("id") != self.requests:
            raise MalformedMessage("The daemon answers what was not asked.", HINT)
        return message

    def silence(self) -> ServerUnreachable:
        """The error for a daemon that is there but says nothing."""
        return ServerUnreachable(
            f"The daemon at {self.address} does not answer.", look(self.address)
        )


@contextmanager
def open_session(
    address: str,
    deadline: Deadline | None = None,
    starting: float = 0.0,
    notice: Notice = lambda _: None,
    *,
    is_question: bool = False,
) -> Iterator[Session]:
    """A session with the daemon at `address`, which may be `starting` for so many seconds.

    `notice` hears of it when they begin; a question starts no daemon. Raises ServerUnreachable,
    AccessDenied, or InvalidRequest for no possible socket, which tell where we tried and what to
    do; and TimeIsUp.
    """
    deadline = deadline or Deadline()
    deadline.check()
    if is_question:
        refuse_to_start(address)
    try:
        sock = connect(address, starting, deadline.capped(ANSWER) or ANSWER, notice)
    except ServerUnreachable:
        deadline.check()
        raise
    with Connection(sock) as connection:
        yield Session(connection, address, deadline)


def connect(address: str, starting: float, timeout: float, notice: Notice) -> socket.socket:
    """A connected socket, whose reads and writes have a `timeout` in seconds.

    Tries for `starting` seconds if the folder of the socket is there, and says so after a while.
    """
    begun, is_told = time.monotonic(), False
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            from lipsyncctl.client.unreachable import failure  # noqa: PLC0415  # seldom needed

            if not is_starting(error, address) or time.monotonic() >= begun + starting:
                raise failure(error, address) from error
            if not is_told and time.monotonic() >= begun + UNNOTICED:
                notice(f"{failure(error, address).message} Waiting up to {starting:.0f} s for one.")
                is_told = True
            time.sleep(PAUSE)


def is_starting(error: OSError, address: str) -> bool:
    """Whether the daemon may be about to listen where we failed to connect."""
    is_absent = isinstance(error, FileNotFoundError | ConnectionRefusedError)
    return is_absent and os.path.isdir(os.path.dirname(address))
