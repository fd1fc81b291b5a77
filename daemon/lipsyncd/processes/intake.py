"""The intake: files of clients are open in processes of their own, one for each request.

Who serves a file can make each close of it wait for ever, and the drop of a descriptor that nobody
received as well (FUSE, with its write-back cache).  A process that waits so cannot be killed, and
keeps all that it has; so it has nothing, and the daemon waits for none.
"""

import os
import select
import signal
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lipsyncd.errors import InputStalled, InternalError, LipsyncError, MalformedMessage
from lipsyncd.processes.template import Template
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import Kind

SILENCE_SECONDS = 30.0  # without a sign of life, and the files are given up
GOODBYE_SECONDS = 0.1  # for a process to end that has nothing left to do
MOST_OF_USER = 32  # processes: twice the sessions that one user has, so that many may hang


class Broke(Exception):
    """The process met a mistake of ours; its traceback."""


class IntakeProcess:
    """One process, with the files of one request.  They are the queue's inputs."""

    def __init__(self, connection: Connection, ending: int) -> None:
        """`ending` is the process, as pidfd_open has it."""
        self.count = 0  # of the descriptors it holds
        self._connection = connection
        self._ending = ending

    def receive(self, client: socket.socket, size: int) -> bytes:
        """The next bytes of a client, which are there; their descriptors stay in the process.

        Raises MalformedMessage if those are too many, InputStalled, InternalError.
        """
        reply = self._asked({"verb": "receive", "size": size}, client.fileno())
        self.count = int(str(reply["count"]))
        data = reply["data"]
        assert isinstance(data, bytes)
        return data

    def examine(self, most: Sequence[tuple[str, int]]) -> int:
        """See queue.snapshot.Inputs."""
        return int(str(self._asked({"verb": "examine", "most": list(most)})["size"]))

    def copy(self, *targets: int) -> None:
        """See queue.snapshot.Inputs.  Once it returns the client's files are closed."""
        try:
            self._asked({"verb": "copy"}, *targets)
        except BaseException:
            for target in targets:  # a process that hangs holds them, but not their room
                with suppress(OSError):
                    os.truncate(target, 0)
            raise

    def drop(self, client: socket.socket) -> None:
        """Receive what nobody wants, and close it."""
        with suppress(TimeoutError):
            self._connection.send(Kind.REQUEST, {"verb": "drop"}, [client.fileno()])

    def dismiss(self) -> None:
        """It has nothing more to do, and ends if it can."""
        self._connection.close()

    def has_ended(self, seconds: float) -> bool:
        """Wait for its end, but no longer than so many seconds; then it is let go of."""
        has_ended = bool(select.select([self._ending], [], [], seconds)[0])
        if has_ended:
            os.close(self._ending)
        return has_ended

    def _asked(self, order: Mapping[str, object], *descriptors: int) -> Mapping[str, object]:
        """The reply.  Raises the error that is the reply, InputStalled, InternalError."""
        try:
            self._connection.send(Kind.REQUEST, order, descriptors)
            while (message := self._heard()).kind is Kind.EVENT:
                pass  # a sign of life
        except TimeoutError:
            signal.pidfd_send_signal(self._ending, signal.SIGKILL)
            raise InputStalled(
                f"Nothing came of the files for {SILENCE_SECONDS:.0f} s.",
                "Copy them to a disk of this machine, then submit the copies.",
            ) from None
        if message.kind is Kind.REPLY:
            return message.body
        if trace := message.body.get("traceback"):
            raise Broke(trace)
        raise LipsyncError.from_map(message.body)

    def _heard(self) -> Message:
        with suppress(MalformedMessage):  # it ended in the middle of one
            if message := self._connection.receive(SILENCE_SECONDS):
                return message
        raise InternalError("The process that copied the files ended.", "Submit them again.")


class Intake:
    """Who begins them, and knows those that do not end."""

    def __init__(self) -> None:
        """Raises InternalError."""
        self._template = Template("intake", {})
        self._lock = threading.Lock()
        self._owners: dict[IntakeProcess, int] = {}  # of all that have not ended
        self._left: set[IntakeProcess] = set()  # of those the ones that hang

    def begin(self, owner: int) -> IntakeProcess:
        """A process for files of this user.  Raises InputStalled, InternalError."""
        with self._lock:
            self._forget_ended()
            taken = list(self._owners.values()).count(owner)
        if taken >= MOST_OF_USER:
            raise InputStalled(
                f"{taken} processes wait for files of this user that do not answer.",
                "Unmount what they are on, or repair it.",
            )
        return self._begun(owner)

    def end(self, process: IntakeProcess) -> None:
        """It has nothing more to do; if it hangs, it is left to its fate."""
        process.dismiss()
        has_ended = process.has_ended(GOODBYE_SECONDS)
        with self._lock:
            if has_ended:
                del self._owners[process]
            else:
                self._left.add(process)

    def drop(self, client: socket.socket, owner: int) -> None:
        """What this user has sent and nobody received is closed; the socket stays the caller's."""
        process = self._begun(owner)
        process.drop(client)
        self.end(process)

    def retire(self) -> None:
        """No files come in any more."""
        self._template.retire()

    def _begun(self, owner: int) -> IntakeProcess:
        connection, message = self._template.fork()
        process = IntakeProcess(connection, message.take())
        with self._lock:
            self._owners[process] = owner
        return process

    def _forget_ended(self) -> None:
        for process in [each for each in self._left if each.has_ended(0)]:
            self._left.remove(process)
            del self._owners[process]
