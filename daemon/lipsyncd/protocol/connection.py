"""Messages and descriptors over one stream socket; both the daemon and its clients speak by it.

    with Connection(sock) as connection:
        connection.send(Kind.REQUEST, {"verb": "fetch", "id": 1, "job": job})
        with connection.receive() as message:      # None: the peer has hung up
            result = message.take()                # a descriptor; now ours to close
            ...

`send(kind, body, descriptors=())` writes one message; the descriptors stay the caller's, and may
be closed at once. Threads may send at the same time: each message goes out whole. It is silent
when the peer has hung up: `receive` then yields the peer's last words, if there are any (a refusal,
say), and after them None.

`receive(seconds=None)` waits so long for a message to begin (TimeoutError if none does), and
`timeout` seconds for the rest of it. It raises LipsyncError (proto.malformed, proto.too_large,
proto.version) for what is no message or does not arrive whole; after that the connection is of no
use.

`close()` is no reset, whatever the peer has sent that nobody read: our last words stay readable.

A Message owns its descriptors: those not taken are closed with it. They are close-on-exec.
"""

import array
import os
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lipsyncd.errors import MalformedMessage
from lipsyncd.protocol.wire import (
    HEADER,
    HINT,
    MAX_DESCRIPTORS,
    Kind,
    decode_body,
    decode_header,
    encode,
)

TIMEOUT = 10.0  # seconds for a message that has begun, in either direction
DESCRIPTOR = array.array("i").itemsize
CONTROL_SPACE = socket.CMSG_SPACE(MAX_DESCRIPTORS * DESCRIPTOR)
CHUNK = 1 << 16
HUNG_UP = (BrokenPipeError, ConnectionResetError)


class Message:
    """A received message: its kind, its body and its descriptors."""

    def __init__(self, kind: Kind, body: dict[str, object], descriptors: list[int]) -> None:
        self.kind = kind
        self.body = body
        self.descriptors = descriptors

    def take(self) -> int:
        """The first descriptor not taken yet, from now on the caller's; IndexError if none."""
        return self.descriptors.pop(0)

    def close(self) -> None:
        """Close the descriptors nobody took."""
        while self.descriptors:
            os.close(self.descriptors.pop())

    def __enter__(self) -> "Message":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection:
    """One end of a connected stream socket, which it owns.

    The socket never blocks: who waits, waits with a poll of its own, so that one thread may receive
    while others send, each as long as it may.
    """

    def __init__(self, sock: socket.socket, timeout: float = TIMEOUT) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._timeout = timeout
        self._sending = threading.Lock()

    def send(self, kind: Kind, body: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
        """Write one message; TimeoutError if the peer does not read it."""
        with self._sending:
            self._send(encode(kind, body), descriptors)

    def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        rights = control if descriptors else []
        deadline = time.monotonic() + self._timeout
        while data:
            try:
                sent = self._sock.sendmsg([data], rights, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except HUNG_UP:
                return
            else:
                data, rights = data[sent:], []

    def _wait(self, event: int, deadline: float | None) -> None:
        """Until the socket can be read from or written to, or its peer has hung up.

        Raises TimeoutError.
        """
        poll = select.poll()
        poll.register(self._sock, event)
        left = None if deadline is None else max(0.0, 1000 * (deadline - time.monotonic()))
        if not poll.poll(left):
            raise TimeoutError

    @property
    def has_room(self) -> bool:
        """A short message can be sent without waiting for the peer to read."""
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        return bool(poll.poll(0))

    def receive(self, seconds: float | None = None) -> Message | None:
        """The next message, or None when the peer has hung up."""
        descriptors: list[int] = []
        try:
            return self._receive(descriptors, seconds)
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def _receive(self, descriptors: list[int], seconds: float | None) -> Message | None:
        begun_by = None if seconds is None else time.monotonic() + seconds
        first = self._awaited(HEADER.size, descriptors, begun_by)
        if not first:
            return None
        deadline = time.monotonic() + self._timeout
        rest = self._read_all(HEADER.size - len(first), descriptors, deadline)
        kind, length = decode_header(first + rest)
        body = decode_body(self._read_all(length, descriptors, deadline))
        return Message(kind, body, descriptors)

    def _read_all(self, size: int, descriptors: list[int], deadline: float) -> bytes:
        """Exactly `size` bytes of a message that has begun."""
        data = bytearray()
        while len(data) < size:
            try:
                part = self._awaited(size - len(data), descriptors, deadline)
            except TimeoutError:
                raise MalformedMessage("A message did not arrive whole in time.", HINT) from None
            if not part:
                raise MalformedMessage("The peer hung up in the middle of a message.", HINT)
            data += part
        return bytes(data)

    def _awaited(self, size: int, descriptors: list[int], deadline: float | None) -> bytes:
        """What comes until the deadline, and is there already whenever that is.

        Raises TimeoutError.
        """
        while True:
            try:
                return self._read(size, descriptors)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)

    def _read(self, size: int, descriptors: list[int]) -> bytes:
        """Up to `size` bytes; empty at the end. Descriptors that came with them are kept.

        Raises BlockingIOError if there are none yet.
        """
        return read(self._sock, size, descriptors)

    def hang_up(self) -> None:
        """Hear nothing more: `receive` gives None from now on, also to a thread waiting in it.

        What is being said can still be said.
        """
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def fileno(self) -> int:
        """The socket's descriptor, to wait for."""
        return self._sock.fileno()

    def close(self) -> None:
        """Let go of the socket; no thread may be using it."""
        self.hang_up()  # from here on nothing more comes in, so what there is has an end
        with suppress(OSError):
            while self._skip():
                pass
        self._sock.close()

    def _skip(self) -> bool:
        """Receive something that nobody wants; whether there was anything."""
        return bool(self._sock.recv(CHUNK))

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(sock: socket.socket, size: int, descriptors: list[int]) -> bytes:
    """Up to `size` bytes; empty at the end. Descriptors that came with them are kept."""
    try:
        data, control, flags, _ = sock.recvmsg(size, CONTROL_SPACE, socket.MSG_CMSG_CLOEXEC)
    except HUNG_UP:
        return b""
    for level, kind, payload in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            usable = len(payload) - len(payload) % DESCRIPTOR
            descriptors.extend(array.array("i", payload[:usable]))
    if flags & socket.MSG_CTRUNC or len(descriptors) > MAX_DESCRIPTORS:
        raise MalformedMessage(
            f"Descriptors of a message were lost; it may have {MAX_DESCRIPTORS}.", HINT
        )
    return data


def peeked(sock: socket.socket, size: int) -> tuple[int, bool]:
    """How many bytes the next read of up to `size` gives, and whether descriptors may come with it.

    It opens none: only a peek with room for descriptors would.  If it says that none come, none do;
    if some may, they may also come with what is sent right behind these bytes.
    """
    try:
        data, _, flags, _ = sock.recvmsg(size, 0, socket.MSG_PEEK)
    except HUNG_UP:
        return 0, False
    return len(data), bool(flags & socket.MSG_CTRUNC)
