"""Whoever waits at a socket for a daemon that will not come is told why."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.server.listener import BACKLOG

SECONDS = 1.0  # for a client to take the error


def dismiss(descriptors: Iterable[int], error: LipsyncError) -> None:
    """Answer those who wait at these listening sockets, which stay open, with the error.

    A service manager would start the daemon for them again, and again.
    """
    words = {"message": f"The daemon cannot start: {error.message}"}
    for descriptor in descriptors:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as listener:
            listener.setblocking(False)
            for _ in range(BACKLOG):
                client, _ = listener.accept()
                with Connection(client, SECONDS) as connection, suppress(OSError):
                    connection.send(Kind.ERROR, {"id": None, **error.as_map(), **words})
