"""Batcher: one pass of the generator serves everyone who waits for it.

Whoever finds the device free takes it and makes one pass, and everybody in it gets theirs.  The
oldest request is always in the next pass, and others of its kind fill the room that it leaves.  So
nobody waits for company, nobody is passed over for ever, and who got everything from others' passes
makes none.  What becomes of a row does not depend on the rows around it nor on its place among
them, as long as all passes are of the same size (see `Sigmoid` in generator.py).
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lipsyncd.errors import DeviceLost


class Kind(NamedTuple):
    """What all rows of a pass have in common: whether their lower halves are enough, and whether
    it goes before all that wait."""

    lower: bool
    urgent: bool


# Makes a pass: of these rows, of this kind, at the size of so many rows.
# It returns what became of them all, or of the first ones.
Run = Callable[[Sequence[np.ndarray], Kind, int], np.ndarray]


@dataclass(eq=False)
class Request:
    """Rows that a thread waits for: equally many of each input, one of each for a mouth."""

    rows: Sequence[np.ndarray]
    kind: Kind
    made: list[np.ndarray] = field(default_factory=list)  # what became of the first rows
    error: Exception | None = None

    @property
    def done(self) -> int:
        return sum(map(len, self.made))

    @property
    def left(self) -> int:
        return len(self.rows[0]) - self.done

    @property
    def is_over(self) -> bool:
        return self.error is not None or not self.left


class Portion(NamedTuple):
    """How many of a request's rows are in a pass: the first of those that are left."""

    request: Request
    size: int

    def rows(self) -> list[np.ndarray]:
        done = self.request.done
        return [each[done : done + self.size] for each in self.request.rows]


class Batcher:
    """The device, and who waits for it, the oldest first."""

    def __init__(self, run: Run, room: Callable[[], int]) -> None:
        """`room` tells how many rows a pass has; only `run` may change that."""
        self._run = run
        self._room = room
        self._waiting: list[Request] = []
        self._is_taken = False
        self._changed = threading.Condition()

    def mouths(self, rows: Sequence[np.ndarray], lower: bool, urgent: bool = False) -> np.ndarray:
        """What becomes of the rows.

        `urgent` ones go before all that wait, in a pass that is no larger than they need.
        Raises what a pass with some of them raises; DeviceLost, whoever's pass it was.
        """
        request = Request(rows, Kind(lower, urgent))
        try:
            self._enter(request)
            while portions := self._turn(request):
                self._serve(portions)
        finally:
            self._leave(request)
        if request.error is not None:
            raise request.error
        return joined(request.made)

    def _enter(self, request: Request) -> None:
        with self._changed:
            self._waiting.insert(0 if request.kind.urgent else len(self._waiting), request)

    def _leave(self, request: Request) -> None:
        with self._changed:
            self._waiting = [each for each in self._waiting if each is not request]

    def _turn(self, request: Request) -> list[Portion]:
        """Wait for the device and take it: who is in the pass.  Nobody if the request is over."""
        with self._changed:
            self._changed.wait_for(lambda: request.is_over or not self._is_taken)
            if request.is_over:
                return []
            portions = self._portions()
            self._is_taken = True
            return portions

    def _portions(self) -> list[Portion]:
        """The oldest request's, and those of others of its kind, until a pass is full."""
        waiting = [each for each in self._waiting if not each.is_over]
        portions, free = [], self._room()
        for request in waiting:
            if free and request.kind == waiting[0].kind:
                portions.append(Portion(request, min(free, request.left)))
                free -= portions[-1].size
        return portions

    def _serve(self, portions: list[Portion]) -> None:
        """Make a pass with the device, and give it back.

        Whatever interrupts the pass, its rows are still to be made, by whoever has the device next.
        """
        kind = portions[0].request.kind
        try:
            rows = [joined(parts) for parts in zip(*map(Portion.rows, portions), strict=True)]
            size = len(rows[0]) if kind.urgent else self._room()
            hand_out(self._run(rows, kind, size), portions)
        except DeviceLost as error:
            with self._changed:
                fail(self._waiting, error)
        except Exception as error:
            fail((portion.request for portion in portions), error)
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def hand_out(made: np.ndarray, portions: list[Portion]) -> None:
    for request, count in portions:
        request.made.append(made[:count])
        made = made[count:]


def fail(requests: Iterable[Request], error: Exception) -> None:
    for request in requests:
        if not request.is_over:
            request.error = error
