"""A session with a daemon, by the daemon's own codec."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import VERSIONS, Kind


class Client:
    """One session; `ask` gives the reply's fields or raises the daemon's error.

    TimeoutError, if there is a `timeout`, for a daemon that is silent for so many seconds.
    """

    def __init__(
        self, connection: Connection, greet: bool = True, timeout: float | None = None
    ) -> None:
        self.connection = connection
        self.timeout = timeout
        self.requests = 0
        if greet:
            self.ask("hello", versions=list(VERSIONS), client="a test")

    def ask(self, verb: str, descriptors: tuple[int, ...] = (), **fields: object) -> Any:
        self.say(verb, descriptors, **fields)
        with self.hear() as message:
            return message.body

    def say(self, verb: str, descriptors: tuple[int, ...] = (), **fields: object) -> None:
        self.requests += 1
        body = {"verb": verb, "id": self.requests, **fields}
        self.connection.send(Kind.REQUEST, body, descriptors)

    def hear(self) -> Message:
        message = self.connection.receive(self.timeout)
        if message is None:
            raise EOFError("the daemon hung up")
        if message.kind is Kind.ERROR:
            raise LipsyncError.from_map(message.body)
        return message

    def submit(self, directory: Path, **options: object) -> str:
        """Hand in a face and a voice that are no media; the id of the job."""
        face, voice = directory / "speaker.mp4", directory / "hello.wav"
        face.write_bytes(b"face")
        voice.write_bytes(b"voice")
        return self.hand_in(face, voice, options)

    def hand_in(
        self, face: Path, voice: Path, options: Mapping[str, object] | None = None, **terms: object
    ) -> str:
        """Hand in these files; the id of the job."""
        with face.open() as one, voice.open() as other:
            inputs, names = (one.fileno(), other.fileno()), {"face": face.name, "voice": voice.name}
            reply = self.ask("submit", inputs, **names, options=dict(options or {}), terms=terms)
        return str(reply["job"]["id"])

    def job(self, job: str) -> Any:
        return self.ask("status", job=job)["job"]

    def end_of(self, job: str) -> Any:
        return self.ask("wait", job=job)["job"]

    def result_of(self, job: str) -> bytes:
        self.say("fetch", job=job)
        with self.hear() as message, os.fdopen(message.take(), "rb") as file:
            return file.read()


@contextmanager
def connected(path: Path | str) -> Iterator[Connection]:
    """A connection to this socket, on which nothing has been said."""
    sock = socket.socket(socket.AF_UNIX)
    with Connection(sock) as connection:
        sock.connect(str(path))
        yield connection


@contextmanager
def session(path: Path | str, greet: bool = True, timeout: float | None = None) -> Iterator[Client]:
    """A session at this socket."""
    with connected(path) as connection:
        yield Client(connection, greet, timeout)
