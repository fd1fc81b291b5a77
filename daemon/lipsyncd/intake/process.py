"""The intake process: it holds the files of one request, and nothing that anybody else needs.

Whatever is done with a foreign file may wait for ever for the server behind it: a look, a read, and
above all the close, which no signal ends.  So all of it is done here, and nothing else.
"""

import os
import socket
import traceback
from collections.abc import Sequence
from typing import cast

from setproctitle import setproctitle

from lipsyncd.errors import LipsyncError
from lipsyncd.protocol.connection import Connection, Message, read
from lipsyncd.protocol.wire import Kind
from lipsyncd.queue.snapshot import Opened
from lipsyncd.system.disk import disk_named


def run(daemon: Connection) -> None:
    """The whole life of the process: it says which one it is, and does what it is asked."""
    setproctitle("lipsyncd: intake")
    process = os.pidfd_open(os.getpid())
    daemon.send(Kind.EVENT, {}, [process])
    os.close(process)
    intake = Intake(daemon)
    while (order := daemon.receive()) is not None:
        daemon.send(*answered(intake, order))


def answered(intake: "Intake", order: Message) -> tuple[Kind, dict[str, object]]:
    """What comes of an order: what was asked for, or an error."""
    try:
        with disk_named():
            return Kind.REPLY, getattr(intake, f"on_{order.body['verb']}")(order)
    except LipsyncError as error:
        return Kind.ERROR, error.as_map()
    except Exception:
        return Kind.ERROR, {"name": "internal", "traceback": traceback.format_exc()}


class Intake:
    """What the daemon may ask."""

    def __init__(self, daemon: Connection) -> None:
        self._daemon = daemon
        self._files: list[int] = []

    def on_receive(self, order: Message) -> dict[str, object]:
        """Bytes of a client, which are there already, and the descriptors that come with them."""
        with socket.socket(fileno=order.take()) as client:
            data = read(client, int(str(order.body["size"])), self._files)
        return {"data": data, "count": len(self._files)}

    def on_examine(self, order: Message) -> dict[str, object]:
        """How many bytes the inputs have."""
        self._inputs = Opened(*self._files, sign=self._sign)
        return {"size": self._inputs.examine(cast(Sequence[tuple[str, int]], order.body["most"]))}

    def on_copy(self, order: Message) -> dict[str, object]:
        """The inputs are copied, and closed: nobody waits for their servers any more."""
        self._inputs.copy(*order.descriptors)
        for descriptor in self._files:
            os.close(descriptor)
        return {}

    def on_drop(self, order: Message) -> dict[str, object]:
        """What a client has sent and nobody received is received here, and closed."""
        Connection(socket.socket(fileno=order.take())).close()
        return {}

    def _sign(self) -> None:
        """The daemon sees that it goes on."""
        self._daemon.send(Kind.EVENT, {})
