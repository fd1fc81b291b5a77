"""Packets: what goes into a result beside its pictures, each once and when it is due."""

from collections.abc import Iterator
from fractions import Fraction

import av


class Packets:
    """Packets in time order, asked for as time goes on; the first of them is made at once."""

    def __init__(self, packets: Iterator[av.Packet]) -> None:
        self._packets = packets
        self._next = next(packets, None)

    def until(self, seconds: Fraction) -> Iterator[av.Packet]:
        """The packets due before `seconds`."""
        while self._next is not None and due_of(self._next) < seconds:
            yield self._next
            self._next = next(self._packets, None)

    def rest(self) -> Iterator[av.Packet]:
        while self._next is not None:
            yield self._next
            self._next = next(self._packets, None)


def due_of(packet: av.Packet) -> Fraction:
    """When it is due, in seconds; what goes into a result has a time."""
    assert packet.dts is not None
    return packet.dts * packet.time_base
