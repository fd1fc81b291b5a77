"""The client's end of a request under way: events go to it, and it may hang up meanwhile."""

import math
import select
from collections.abc import Mapping

from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import Kind
from lipsyncd.queue.updates import Subscription

GONE = select.POLLHUP | select.POLLERR


class HungUp(Exception):
    """The client left in the middle of a request, or reads nothing of what it is told."""


class Stream:
    """Where the events of the request with this number go."""

    def __init__(self, connection: Connection, number: object) -> None:
        self._connection = connection
        self._number = number

    @property
    def has_room(self) -> bool:
        """An event can be told without waiting for the client to read."""
        return self._connection.has_room

    def tell(self, verb: str, fields: Mapping[str, object]) -> None:
        """Send an event."""
        try:
            self._connection.send(Kind.EVENT, {"verb": verb, "id": self._number, **fields})
        except TimeoutError:
            raise HungUp from None

    def wait(
        self,
        subscription: Subscription | None = None,
        seconds: float | None = None,
        for_room: bool = False,
    ) -> None:
        """Return at an update, or at room if that is waited for, or after `seconds`.

        Raises HungUp once the client has; but where it only stopped to speak, news come first.
        """
        poll = select.poll()
        poll.register(self._connection, select.POLLRDHUP | (select.POLLOUT if for_room else 0))
        if subscription:
            poll.register(subscription, select.POLLIN)
        found = dict(poll.poll(None if seconds is None else math.ceil(max(seconds, 0) * 1000)))
        seen = found.get(self._connection.fileno(), 0)
        if seen & GONE or (seen & select.POLLRDHUP and len(found) == 1):
            raise HungUp
