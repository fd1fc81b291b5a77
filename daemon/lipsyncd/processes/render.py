"""A render process, as the daemon sees it: what it is handed, what it says, and how it ends."""

import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from lipsyncd.errors import (
    DeviceMemoryFull,
    InputError,
    InvalidRequest,
    LipsyncError,
    MalformedMessage,
    StorageError,
)
from lipsyncd.processes.child import ending_of
from lipsyncd.processes.template import Template
from lipsyncd.protocol.connection import Message
from lipsyncd.protocol.job import Outcome, Progress
from lipsyncd.protocol.wire import Kind

TICK_SECONDS = 0.5  # between two looks at what else the job's fate depends on
STACK_SECONDS = 1.0  # for a process that hangs to write down where
MOST_STACKS = 1 << 16  # bytes
# What a render may say of its job.  Whatever else it says, it says nothing about the daemon.
ITS_OWN = (InputError, InvalidRequest, StorageError, DeviceMemoryFull)
OF_PARTS, OF_PLANS = {"open", "wants"}, {"seek", "room", "filled"}

Hear = Callable[[Mapping[str, object]], None]


def ignore(_: Mapping[str, object]) -> None:
    """Nobody answers."""


@dataclass(frozen=True)
class End:
    """How a process ended, as subprocess has it, and the most memory that it has used."""

    status: int
    most_bytes: int


class Crashed(Exception):
    """A render process ended in the middle; by which signal, or with which exit code."""

    def __init__(self, end: End, stacks: str) -> None:
        super().__init__(ending_of(end.status))
        self.end = end
        self.stacks = stacks


class Stalled(Exception):
    """A render process has given no sign of life for so many seconds."""

    def __init__(self, seconds: float, stacks: str) -> None:
        super().__init__(f"for {seconds:.0f} s")
        self.stacks = stacks


class Broke(Exception):
    """The render met a mistake of ours; its traceback."""


class RenderProcess:
    """One render."""

    def __init__(self, template: Template) -> None:
        """Raises InternalError."""
        self._connection, first = template.fork()
        self._pid = int(str(first.body["pid"]))
        self._crash = os.memfd_create("lipsyncd-crash")
        self._end: End | None = None
        self.cage: Mapping[str, object] = {}  # what of it is in force, once the process says so

    def begin(self, assignment: Mapping[str, object], files: Sequence[int]) -> None:
        """Hand over the job and its files (face, voices, result), which stay the caller's."""
        self._connection.send(Kind.REQUEST, assignment, [self._crash, *files])

    def serve_by(self, channel: socket.socket) -> None:
        """From its next batch on this channel leads to its device."""
        with channel:
            self.tell({}, [channel.fileno()])

    def tell(self, body: Mapping[str, object], files: Sequence[int] = ()) -> None:
        """Answer something that it has asked for; any thread may."""
        with suppress(TimeoutError):  # it hangs, which `steps` will notice
            self._connection.send(Kind.REQUEST, body, files)

    def steps(
        self, timeout: float, hear_parts: Hear = ignore, hear_plans: Hear = ignore
    ) -> Generator[Progress, None, Outcome]:
        """Its progress, the same again while there is no news; at the end, how it has ended.

        What it says of parts and of plans goes to who answers that.

        Raises what the render raises; Stalled if it is silent for `timeout` seconds; Crashed,
        Broke.
        """
        progress, heard_at = Progress(0, 0, 0), time.monotonic()
        while True:
            try:
                message = self._heard()
            except TimeoutError:
                if time.monotonic() - heard_at > timeout:
                    raise self._stalled(timeout) from None
            else:
                heard_at = time.monotonic()
                if message.kind is Kind.REPLY:
                    return Outcome(str(message.body["outcome"]))
                if "cage" in message.body:
                    self.cage = cast(Mapping[str, object], message.body["cage"])
                elif OF_PARTS & message.body.keys():
                    hear_parts(message.body)
                elif OF_PLANS & message.body.keys():
                    hear_plans(message.body)
                elif message.body:
                    progress = Progress.from_map(message.body)
            yield progress

    def end(self) -> None:
        """Let nothing of it be left."""
        self._killed()
        self._connection.close()
        os.close(self._crash)

    def _heard(self) -> Message:
        """The next message, if one comes soon.  Raises TimeoutError; Crashed; what it met."""
        try:
            message = self._connection.receive(TICK_SECONDS)
        except MalformedMessage:
            message = None
        if message is None:
            raise Crashed(self._killed(), self._stacks())
        if message.kind is Kind.ERROR:
            error = LipsyncError.from_map(message.body)
            raise error if isinstance(error, ITS_OWN) else Broke(error.message)
        return message

    def _stalled(self, seconds: float) -> Stalled:
        """The error, once the process has written down where it hangs."""
        os.kill(self._pid, signal.SIGUSR1)
        time.sleep(STACK_SECONDS)
        return Stalled(seconds, self._stacks())

    def _stacks(self) -> str:
        return os.pread(self._crash, MOST_STACKS, 0).decode(errors="replace")

    def _killed(self) -> End:
        """End it, if it has not ended; how it did."""
        if self._end is None:
            os.kill(self._pid, signal.SIGKILL)  # it is ours to wait for, so the number is its own
            _, status, used = os.wait4(self._pid, 0)
            self._end = End(os.waitstatus_to_exitcode(status), used.ru_maxrss << 10)
        return self._end
