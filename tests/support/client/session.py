"""A session with a daemon, by the daemon's own codec."""

import os
from pathlib import Path
from typing import Any

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import VERSIONS, Kind


class Client:
    """One session; `ask` gives the reply's fields or raises the daemon's error."""

    def __init__(self, connection: Connection, greet: bool = True) -> None:
        self.connection = connection
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
        message = self.connection.receive()
        if message is None:
            raise EOFError("the daemon hung up")
        if message.kind is Kind.ERROR:
            raise LipsyncError.from_map(message.body)
        return message

    def submit(self, directory: Path, **options: object) -> str:
        """Hand in a face and a voice; the id of the job."""
        (directory / "speaker.mp4").write_bytes(b"face")
        (directory / "hello.wav").write_bytes(b"voice")
        with (directory / "speaker.mp4").open() as face, (directory / "hello.wav").open() as voice:
            names = {"face": "speaker.mp4", "voice": "hello.wav"}
            inputs = (face.fileno(), voice.fileno())
            reply = self.ask("submit", inputs, **names, options=options)
        return str(reply["job"]["id"])

    def job(self, job: str) -> Any:
        return self.ask("status", job=job)["job"]

    def end_of(self, job: str) -> Any:
        return self.ask("wait", job=job)["job"]

    def result_of(self, job: str) -> bytes:
        self.say("fetch", job=job)
        with self.hear() as message, os.fdopen(message.take(), "rb") as file:
            return file.read()


def hand_in(client: Client, face: Path, voice: Path, **terms: object) -> str:
    """Submit; the id of the job. Raises the daemon's error."""
    with face.open() as one, voice.open() as other:
        reply = client.ask(
            "submit",
            (one.fileno(), other.fileno()),
            face=face.name,
            voice=voice.name,
            options={},
            terms=terms,
        )
    return str(reply["job"]["id"])
