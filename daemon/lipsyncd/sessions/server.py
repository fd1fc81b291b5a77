"""Accepts clients at the control socket and gives each a session in a thread of its own."""

import logging
import os
import select
import socket
import threading
import time
from contextlib import suppress

from lipsyncd.connection import Connection
from lipsyncd.errors import SessionsFull
from lipsyncd.house import House
from lipsyncd.sessions.request import Peer
from lipsyncd.sessions.session import Session
from lipsyncd.wire import Kind

log = logging.getLogger(__name__)

MAX_SESSIONS = 64
GOODBYE_SECONDS = 2.0  # for all sessions together, when the server closes
PAUSE_SECONDS = 0.1  # after a client could not be accepted, for lack of descriptors say


class Server:
    """The accepting thread and the sessions; it serves from `start` to `close`."""

    def __init__(self, listener: socket.socket, house: House) -> None:
        self._listener = listener
        self._house = house
        self._lock = threading.Lock()
        self._sessions: dict[threading.Thread, Connection] = {}
        self._closing = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)

    def start(self) -> None:
        """Serve clients from now on."""
        self._listener.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Accept nobody more and end every session; the listener stays the caller's."""
        os.eventfd_write(self._closing, 1)
        self._thread.join(GOODBYE_SECONDS)
        os.close(self._closing)
        with self._lock:
            sessions = dict(self._sessions)
        for connection in sessions.values():
            connection.hang_up()
        deadline = time.monotonic() + GOODBYE_SECONDS
        for thread in sessions:
            thread.join(max(deadline - time.monotonic(), 0))

    def _accept(self) -> None:
        """The accepting thread: client after client, until the server closes."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._closing, select.POLLIN)
        while not any(descriptor == self._closing for descriptor, _ in poll.poll()):
            try:
                client, _ = self._listener.accept()
                self._welcome(client)
            except BlockingIOError:
                continue  # it left before we came
            except OSError as error:
                log.error("server: a client could not be accepted: %s", error)
                time.sleep(PAUSE_SECONDS)

    def _welcome(self, client: socket.socket) -> None:
        """Begin a session, or say why not."""
        connection = Connection(client)
        session = Session(connection, Peer.of(client), self._house)
        thread = threading.Thread(
            target=self._serve, args=[session, connection], name="session", daemon=True
        )
        with self._lock:
            if len(self._sessions) >= MAX_SESSIONS:
                return _refuse(connection)
            try:
                thread.start()
            except RuntimeError as error:
                connection.close()
                raise OSError(f"no thread for it: {error}") from error
            self._sessions[thread] = connection  # it waits for the lock to take itself out
        return None

    def _serve(self, session: Session, connection: Connection) -> None:
        """The life of a session's thread."""
        try:
            session.run()
        finally:
            connection.close()
            with self._lock:
                del self._sessions[threading.current_thread()]


def _refuse(connection: Connection) -> None:
    error = SessionsFull(f"{MAX_SESSIONS} clients are connected already.", "Try again later.")
    with connection, suppress(TimeoutError):
        connection.send(Kind.ERROR, {"id": None, **error.as_map()})
