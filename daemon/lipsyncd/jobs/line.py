"""The line: which job is next, which place the others have, and when they will start."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lipsyncd.config import Chosen
from lipsyncd.jobs.board import Board
from lipsyncd.jobs.order import Turns, Waiting, first, line
from lipsyncd.jobs.pace import Pace
from lipsyncd.jobs.store import Store


@dataclass(frozen=True)
class Place:
    """A position in the line, from 1, and the seconds until the start; None: not known yet."""

    position: int
    eta: float | None


class Line:
    """The queued jobs in the order in which they start, and how fast it moves."""

    def __init__(self, store: Store, board: Board, chosen: Chosen) -> None:
        self._store = store
        self._board = board
        self._chosen = chosen
        self._lock = threading.Lock()
        self._turns = Turns()
        self._pace = Pace()

    def head(self) -> Waiting | None:
        """The job to start next, None if none waits."""
        now = time.time()
        with self._lock:
            return first(self._store.heads(now), self._turns, now)

    def started(self, owner: int) -> None:
        """A job of this user has left the line; the others come first now."""
        with self._lock:
            self._turns.serve(owner)

    def ended(self, seconds: float) -> None:
        """A render has come to a good end after so many seconds."""
        with self._lock:
            self._pace.add(seconds)

    def places(self) -> dict[str, Place]:
        """The place of each job that waits, by its id."""
        with self._lock:
            queue = line(self._store.waiting(), self._turns, time.time())
            starts = self._starts()
            return {each.id: Place(at, next(starts)) for at, each in enumerate(queue, 1)}

    def next_start(self) -> float | None:
        """The seconds until a job leaves the line, if that is known."""
        with self._lock:
            return next(self._starts())

    def _starts(self) -> Iterator[float | None]:
        return self._pace.starts(self._board.running, self._chosen.config.render.max_active)
