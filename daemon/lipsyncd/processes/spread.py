"""A spread: the parts of one job that are not made yet, and which process makes which.

The process that leads the render knows the job; others help it, each with one part at a time.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

from lipsyncd.queue.renderer import MayGoOn

MAX_STRETCHES = 1000  # of open parts, of which the leader is believed


class Leader(Protocol):
    """The process that leads."""

    def tell(self, body: Mapping[str, object], files: Sequence[int] = ()) -> None:
        """Send it a message; it may be gone."""


class Spread:
    """Who makes which part; for every thread."""

    def __init__(self, leader: Leader, may_go_on: MayGoOn) -> None:
        """`may_go_on`: whether more parts may be begun, or other jobs come first now."""
        self._leader = leader
        self._may_go_on = may_go_on
        self._lock = threading.Lock()
        self._open: list[range] = []
        self._helped = 0  # parts that others than the leader make just now
        self._is_asked = False  # by the leader, for its next part

    def hear(self, said: Mapping[str, object]) -> None:
        """Something that the leader says of its parts.  Raises TypeError, ValueError."""
        with self._lock:
            if "open" in said:
                self._open = stretches_of(said["open"])
            else:
                self._is_asked = True
            self._answer()

    def claim(self) -> int | None:
        """A part for another than the leader; None if there is none."""
        with self._lock:
            if (number := self._next()) is not None:
                self._helped += 1
            return number

    def made(self, number: int, packets: BinaryIO) -> None:
        """A part that was claimed is there."""
        with self._lock:
            self._leader.tell({"made": number}, [packets.fileno()])
            self._helped -= 1
            self._answer()

    def give_back(self, number: int) -> None:
        """A part that was claimed could not be made."""
        with self._lock:
            self._open.insert(0, range(number, number + 1))
            self._helped -= 1
            self._answer()

    @property
    def is_open(self) -> bool:
        """There are parts that nobody makes, and that may be begun."""
        return bool(self._open) and self._may_go_on()

    def _answer(self) -> None:
        """Tell the leader its next part; that there is none, once nobody makes one."""
        if not self._is_asked:
            return
        number = self._next()
        if number is not None or not self._helped:
            self._is_asked = False
            self._leader.tell({"part": number})

    def _next(self) -> int | None:
        """The first part that nobody makes."""
        if not self.is_open:
            return None
        first, *others = self._open
        self._open = [each for each in (first[1:], *others) if each]
        return first.start


def stretches_of(said: object) -> list[range]:
    """The parts that a leader calls open.  Raises TypeError, ValueError."""
    if not isinstance(said, list) or len(said) > MAX_STRETCHES:
        raise ValueError("no stretches of parts")
    return [each for start, stop in said if (each := range(int(start), int(stop)))]
