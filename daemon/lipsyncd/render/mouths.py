"""Mouths from a device: what a render asks of whichever device process the daemon gave it."""

import select
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import numpy as np

from lipsyncd.errors import LipsyncError
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.detector import Detector
from lipsyncd.model.exchange import Exchange
from lipsyncd.model.expert import Expert
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.model.recogniser import Recogniser
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import Kind
from lipsyncd.render.models import Weights
from lipsyncd.render.orders import SIGN_SECONDS, Orders


class Outdated(Exception):
    """The models that this render began with are gone, and others want to be fed otherwise."""


class Channel:
    """A connection with a device, and the memory shared with it."""

    def __init__(self, connection: Connection, alive: Callable[[], None]) -> None:
        """`alive` is called now and then while it is waited for.

        Raises EOFError if the device is gone.
        """
        self._connection = connection
        self._alive = alive
        with heard(connection, alive) as hello:
            self.rows = int(cast(int, hello.body["rows"]))
            self.conventions = Conventions(**cast(dict[str, Any], hello.body["conventions"]))
            self.fingerprint = str(hello.body["fingerprint"])
            self._exchange = Exchange(hello.descriptors[0], self.rows, self.conventions.side)

    def mouths(
        self, crops: np.ndarray, windows: np.ndarray, lower: bool, references: np.ndarray
    ) -> np.ndarray:
        """As Models.mouths, for at most `rows` crops; EOFError if the device is gone."""
        count, exchange = len(crops), self._exchange
        exchange.crops[:count] = crops
        exchange.windows[:count] = windows
        exchange.references[:count] = references
        self._connection.send(Kind.REQUEST, {"rows": count, "lower": lower})
        with heard(self._connection, self._alive) as reply:
            if reply.kind is Kind.ERROR:
                raise LipsyncError.from_map(reply.body)
        return np.array((exchange.halves() if lower else exchange.mouths)[:count])

    def close(self) -> None:
        """The device need not wait for us any more."""
        self._connection.close()


class Mouths:
    """The models as one render sees them, on one device after the other.

    The daemon says which: when one has died, or when a reload has brought newer models.  Its
    windows and boxes are made by the conventions it began with, so it takes newer models for its
    next batch if they are fed in the same way, and else goes on with those it has.
    """

    def __init__(self, orders: Orders, weights: Weights, alive: Callable[[], None]) -> None:
        """`alive` is called now and then while a device is waited for.  Waits for the first."""
        self._orders = orders
        self._weights = weights
        self._alive = alive
        self._channel = self._next()
        self.changes = 0
        self._is_last = False  # no other device will have models that are fed in this way
        self.conventions = self._channel.conventions
        looks = weights.detector, weights.landmarker, weights.recogniser
        self.fingerprint = " ".join([self._channel.fingerprint, *(each.sha256 for each in looks)])

    @property
    def batch(self) -> int:
        """How many crops go to the device at once."""
        return self._channel.rows

    def new_detector(self) -> Detector:
        """A face detector for one thread."""
        return Detector(self._weights.detector)

    @cached_property
    def landmarker(self) -> Landmarker:
        """The landmarker, for one thread at a time."""
        return Landmarker(self._weights.landmarker)

    def new_recogniser(self) -> Recogniser:
        """A recogniser for one thread."""
        return Recogniser(self._weights.recogniser)

    def new_expert(self) -> Expert:
        """A sync expert."""
        return Expert(self._weights.expert)

    def mouths(
        self, crops: np.ndarray, windows: np.ndarray, lower: bool, references: np.ndarray
    ) -> np.ndarray:
        """As Models.mouths, whatever happens to devices meanwhile.

        Raises DeviceMemoryFull, Outdated.
        """
        if self._orders.has_device:
            self._take_over(self._next())
        side = self.conventions.side
        made = [np.empty((0, side // 2 if lower else side, side, 3), np.float32)]
        done = 0
        while done < len(crops):
            part = slice(done, done + self._channel.rows)
            try:
                made.append(
                    self._channel.mouths(crops[part], windows[part], lower, references[part])
                )
            except EOFError:
                if self._is_last:
                    raise Outdated from None
                self._take_over(self._next(), is_gone=True)
            else:
                done += len(made[-1])
        return np.concatenate(made)

    def close(self) -> None:
        """Ask for nothing more."""
        self._channel.close()

    def _take_over(self, channel: Channel, is_gone: bool = False) -> None:
        """From the next batch on; `is_gone`: there is no choice."""
        if channel.conventions == self.conventions:
            self.close()
            self._channel = channel
            self.changes += 1
            return
        channel.close()
        self._is_last = True
        if is_gone:
            raise Outdated

    def _next(self) -> Channel:
        """The device that the daemon names next, as soon as it does."""
        while True:
            connection = Connection(self._orders.device())
            try:
                return Channel(connection, self._alive)
            except EOFError:
                connection.close()


def heard(connection: Connection, alive: Callable[[], None] = lambda: None) -> Message:
    """The next message; `alive` is called now and then until it comes.

    Raises EOFError if the other end has hung up.
    """
    while not is_called(connection, SIGN_SECONDS):
        alive()
    message = connection.receive()
    if message is None:
        raise EOFError
    return message


def is_called(connection: Connection, seconds: float = 0.0) -> bool:
    """Whether there is something to hear."""
    return bool(select.select([connection], [], [], seconds)[0])
