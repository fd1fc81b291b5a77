"""Orders: what the daemon tells a render while it runs, each kept until it is asked for.

They come in at any time and are for different threads, so a thread of its own reads them.
"""

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import BinaryIO, TypeVar, cast

from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.wire import Kind

T = TypeVar("T")

SIGN_SECONDS = 1.0  # between signs of life while something is waited for


class Orders:
    """What a render hears from its daemon, and asks it for."""

    def __init__(self, daemon: Connection, alive: Callable[[], None]) -> None:
        """`daemon` is read by nobody else from now on; `alive` is called now and then while
        something is waited for."""
        self._daemon = daemon
        self._alive = alive
        self._devices: queue.Queue[socket.socket | None] = queue.Queue()
        self._parts: queue.Queue[int | None] = queue.Queue()
        self._plans: queue.Queue[BinaryIO | None] = queue.Queue()
        self._made: queue.Queue[tuple[int, BinaryIO]] = queue.Queue()
        self._thread = threading.Thread(target=self._read, name="orders", daemon=True)
        self._thread.start()

    @property
    def has_device(self) -> bool:
        """Another device is to be used from now on."""
        return not self._devices.empty()

    def device(self) -> socket.socket:
        """What leads to the device to use, as soon as there is one; the caller's to close.

        Raises EOFError if the daemon is gone.
        """
        if (device := self._waited(self._devices)) is None:
            raise EOFError
        return device

    def claimed(self, missing: Sequence[range]) -> Iterator[int]:
        """Those of a job's missing parts that this process is to make, each named when the one
        before has been drawn whole; the others are made by other processes, or another time."""
        if sum(map(len, missing)) < 2:
            yield from chain.from_iterable(missing)
            return
        self._daemon.send(Kind.EVENT, {"open": [[part.start, part.stop] for part in missing]})
        while True:
            self._daemon.send(Kind.EVENT, {"wants": True})
            if (number := self._waited(self._parts)) is None:
                return
            yield number

    def made(self) -> Iterator[tuple[int, BinaryIO]]:
        """The parts that others have made since the last call: the number of each, and its
        packets, the caller's to close."""
        while not self._made.empty():
            yield self._made.get()

    def sought(self, names: Sequence[str]) -> BinaryIO | None:
        """The first of these plans that is kept, the caller's to close; or None."""
        self._daemon.send(Kind.EVENT, {"seek": list(names)})
        return self._waited(self._plans)

    def keep(self, name: str, content: bytes) -> None:
        """Have a plan kept for later renders; this one goes on where that cannot be."""
        self._daemon.send(Kind.EVENT, {"room": name})
        if file := self._waited(self._plans):
            with suppress(OSError), file:
                file.write(content)
                file.flush()
                self._daemon.send(Kind.EVENT, {"filled": name})

    def close(self) -> None:
        """Hear nothing more; the connection may be closed then."""
        self._daemon.hang_up()
        self._thread.join()

    def _waited(self, things: "queue.Queue[T]") -> T:
        """The next of these."""
        while True:
            try:
                return things.get(timeout=SIGN_SECONDS)
            except queue.Empty:
                self._alive()

    def _read(self) -> None:
        while (message := self._daemon.receive()) is not None:
            with message:
                self._sort(message)
        for things in (self._devices, self._parts, self._plans):
            things.put(None)

    def _sort(self, message: Message) -> None:
        if "made" in message.body:
            packets = os.fdopen(message.take(), "rb")
            packets.seek(0)  # its place is shared with who has written it
            self._made.put((cast(int, message.body["made"]), packets))
        elif "part" in message.body:
            self._parts.put(cast(int | None, message.body["part"]))
        elif "plan" in message.body:
            is_there = bool(message.descriptors)
            self._plans.put(os.fdopen(message.take(), "r+b") if is_there else None)
        else:
            self._devices.put(socket.socket(fileno=message.take()))
