"""systemd's journal, by its native protocol: one datagram an entry, and nobody waits for it."""

import errno
import fcntl
import os
import select
import socket
import struct
import threading
from array import array
from collections.abc import Mapping
from pathlib import Path
from queue import Full, Queue

SOCKET = Path("/run/systemd/journal/socket")
MAX_WAITING = 1000  # entries, while the journal does not read
TOO_LARGE = {errno.EMSGSIZE, errno.ENOBUFS}  # for a datagram
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Journald:
    """A thread that hands entries over.  `put` never waits, whatever the journal does."""

    def __init__(self, path: Path = SOCKET) -> None:
        """OSError if there is no journal at `path`."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._entries: Queue[bytes | None] = Queue(MAX_WAITING)
        self._lock = threading.Lock()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, fields: Mapping[str, str]) -> None:
        """Hand an entry over soon; if too many wait already it is only counted.

        Raises UnicodeEncodeError for what is no text: here, since it would end the thread.
        """
        entry = encode(fields)
        try:
            self._entries.put_nowait(entry)
        except Full:
            with self._lock:
                self._dropped += 1

    def close(self, timeout: float) -> None:
        """Hand over what waits, within `timeout` seconds."""
        try:
            self._entries.put(None, timeout=timeout)
        except Full:
            return
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._socket.close()

    def _run(self) -> None:
        while (entry := self._entries.get()) is not None:
            self._deliver(entry)
            if self._dropped and self._entries.empty():
                self._deliver(encode(self._confession()))

    def _deliver(self, entry: bytes) -> None:
        """Send an entry as soon as the journal takes it; without a journal it is lost."""
        while True:
            try:
                return send(self._socket, entry)
            except BlockingIOError:
                self._wait()
            except OSError:
                return None

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        poll.poll()

    def _confession(self) -> dict[str, str]:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        message = f"journal: {dropped} entries were lost, because it did not take them in time"
        return {"MESSAGE": message, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "lipsyncd"}


def send(journal: socket.socket, entry: bytes) -> None:
    """One entry, in a file if it is too large for a datagram; BlockingIOError if not now."""
    try:
        journal.send(entry, socket.MSG_DONTWAIT)
    except OSError as error:
        if error.errno not in TOO_LARGE:
            raise
        _send_as_file(journal, entry)


def _send_as_file(journal: socket.socket, entry: bytes) -> None:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    with open(os.memfd_create("entry", flags), "wb") as file:
        file.write(entry)
        file.flush()
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, SEALS)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file.fileno()]))
        journal.sendmsg([b""], [rights], socket.MSG_DONTWAIT)


def encode(fields: Mapping[str, str]) -> bytes:
    """An entry as the journal reads it; its names are upper case, its values any text."""
    return b"".join(_encoded(name.encode(), value) for name, value in fields.items())


def _encoded(name: bytes, value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    if b"\n" in data:
        return b"%b\n%b%b\n" % (name, struct.pack("<Q", len(data)), data)
    return b"%b=%b\n" % (name, data)
