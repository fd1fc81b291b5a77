"""The line: which job is next, which place the others have, and when they will start."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lipsyncd.config import Chosen
from lipsyncd.host.clock import now
from lipsyncd.jobs.board import Board
from lipsyncd.jobs.job import Job
from lipsyncd.jobs.order import Turns, Waiting, first, line
from lipsyncd.jobs.pace import Forecast, Pace
from lipsyncd.jobs.store import Store

# systemd gives up on a service that is started more than five times in ten minutes
CONVICTIONS = 2  # jobs of one user that crashed the daemon twice each, in so many seconds,
PENALTY_SECONDS = 600.0  # keep that user's other jobs waiting until then


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

    def head(self, running: Iterable[int] = ()) -> Waiting | None:
        """The job to start next while jobs of these owners run, None if none may.

        Who holds as many slots as one user may is passed over.
        """
        moment = now()
        heads, kept_back = self._store.heads(moment), self._kept_back(moment)
        share = self._chosen.config.render.max_active_per_user
        kept_back |= {owner for owner, count in Counter(running).items() if count >= share}
        with self._lock:
            return first(
                (each for each in heads if each.owner not in kept_back), self._turns, moment
            )

    def started(self, owner: int) -> None:
        """A job of this user has left the line; the others come first now."""
        with self._lock:
            self._turns.serve(owner)

    def ended(self, job: Job) -> None:
        """A render has come to a good end."""
        with self._lock:
            self._pace.add((job.ended_at or 0.0) - (job.started_at or 0.0))

    def places(self) -> dict[str, Place]:
        """The place of each job that waits, by its id."""
        moment = now()
        kept_back = self._kept_back(moment)
        waiting = [each for each in self._store.waiting() if each.owner not in kept_back]
        with self._lock:
            turns, forecast = self._turns.copy(), self._forecast()
        queue = line(waiting, turns, moment)
        return {each.id: Place(at, forecast.start(each.owner)) for at, each in enumerate(queue, 1)}

    def _kept_back(self, moment: float) -> set[int]:
        """Users with so many jobs that crash the daemon that the others' would suffer."""
        return self._store.convicted(moment - PENALTY_SECONDS, CONVICTIONS)

    def next_start(self, owners: Iterable[int]) -> float | None:
        """The seconds until a job of one of these users leaves the line, if that is known."""
        with self._lock:
            forecast = self._forecast()
        known = (forecast.earliest(owner) for owner in owners)
        return min((each for each in known if each is not None), default=None)

    def _forecast(self) -> Forecast:
        render = self._chosen.config.render
        return self._pace.forecast(
            self._board.running, render.max_active, render.max_active_per_user
        )
