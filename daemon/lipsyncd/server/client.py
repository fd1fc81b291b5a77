"""The daemon's end of a client: its bytes are received here, its descriptors in a process apart.

The bytes are looked at first.  Where descriptors come with them, an intake receives both.
"""

import logging
import socket
from collections.abc import Callable

from lipsyncd.errors import LipsyncError
from lipsyncd.processes.intake import Intake, IntakeProcess
from lipsyncd.protocol.connection import CHUNK, TIMEOUT, Connection, Message, peeked
from lipsyncd.protocol.wire import Kind

log = logging.getLogger(__name__)


class ClientMessage(Message):
    """What a client said; `files`, if any came with it, end with it."""

    def __init__(
        self,
        kind: Kind,
        body: dict[str, object],
        files: IntakeProcess | None,
        end: Callable[[], None],
    ) -> None:
        super().__init__(kind, body, [])
        self.files = files
        self._end = end

    @property
    def count(self) -> int:
        """How many descriptors came with it."""
        return self.files.count if self.files else 0

    def close(self) -> None:
        self._end()


class ClientConnection(Connection):
    """A connection to a client; no descriptor that comes over it is ever open in this process."""

    def __init__(
        self, sock: socket.socket, intake: Intake, owner: int, timeout: float = TIMEOUT
    ) -> None:
        """`owner` is whose files they are, a uid."""
        super().__init__(sock, timeout)
        self._intake = intake
        self._owner = owner
        self._files: IntakeProcess | None = None  # of the message that is received or answered

    def receive(self, seconds: float | None = None) -> ClientMessage | None:
        """See Connection; also raises InputStalled, InternalError."""
        try:
            message = super().receive(seconds)
        except BaseException:
            self._end()
            raise
        if message is None:
            return None
        return ClientMessage(message.kind, message.body, self._files, self._end)

    def _read(self, size: int, _descriptors: list[int]) -> bytes:
        length, has_descriptors = peeked(self._sock, size)
        if not has_descriptors:
            return self._sock.recv(length) if length else b""
        self._files = self._files or self._intake.begin(self._owner)
        return self._files.receive(self._sock, length)

    def _skip(self) -> bool:
        length, has_descriptors = peeked(self._sock, CHUNK)
        if not has_descriptors:
            return bool(length and self._sock.recv(length))
        try:
            self._intake.drop(self._sock, self._owner)
        except LipsyncError as error:
            log.error("server: what a client sent stays open: %s", error)
            self._sock.detach()
        return False

    def _end(self) -> None:
        """The files of the last message are of no use any more."""
        if files := self._files:
            self._files = None
            self._intake.end(files)
