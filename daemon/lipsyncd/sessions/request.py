"""A request and its reply, as the session hands them to the verbs and takes them back."""

import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from lipsyncd.errors import InvalidRequest, UnknownJob
from lipsyncd.house import House
from lipsyncd.jobs.job import Job

ROOT = 0  # the uid that sees every job
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

Value = TypeVar("Value")


@dataclass(frozen=True)
class Peer:
    """The process at the other end, as the kernel vouches for it."""

    pid: int
    uid: int

    @classmethod
    def of(cls, sock: socket.socket) -> Self:
        """Who connected this socket."""
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        pid, uid, _ = CREDENTIALS.unpack(data)
        return cls(pid, uid)

    def __str__(self) -> str:
        return f"uid {self.uid}, pid {self.pid}"


@dataclass(frozen=True)
class Request:
    """One request of one client.

    `descriptors` are closed after the reply; `tell` sends an event; `line` is the client's socket,
    to notice that somebody hung up.
    """

    house: House
    peer: Peer
    body: Mapping[str, object]
    descriptors: Sequence[int]
    tell: Callable[[str, Mapping[str, object]], None]
    line: int

    @property
    def number(self) -> object:
        """Its id, which its answers carry as well."""
        return self.body.get("id")

    def field(self, name: str, kind: type[Value], default: Value | None = None) -> Value:
        """A field of exactly this type; without a default it has to be there."""
        value = self.body.get(name, default)
        if type(value) is not kind:
            raise InvalidRequest(f"{name} is not {kind.__name__}.", "Use the daemon's lipsyncctl.")
        return value

    def job(self) -> Job:
        """The job it names as it is now; UnknownJob if there is none this client may see."""
        name = self.field("job", str)
        job = self.house.store.get(name)
        if job is None or self.peer.uid not in (ROOT, job.owner):
            raise UnknownJob(f"There is no job {name}.", "lipsyncctl list shows yours.")
        return self.house.board.newest(job)


@dataclass(frozen=True)
class Reply:
    """The answer: its participle, its fields, and a descriptor to go with it (then closed)."""

    verb: str
    fields: Mapping[str, object]
    descriptor: int | None = None


class HungUp(Exception):
    """The client left in the middle of a request."""
