"""The line: which job is next, which place the others have, and when they will start."""

import heapq
import threading
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from lipsyncd.config import LiveConfig
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.user import User
from lipsyncd.queue.givingway import Turn, giving_way
from lipsyncd.queue.order import Turns, Waiting, in_order, ranked
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.updates import Updates
from lipsyncd.system.clock import now

NEWEST = 0.2  # the weight of the newest job in the mean; that of older ones fades


class Mean:
    """A moving mean; None before there is anything."""

    def __init__(self) -> None:
        self.mean: float | None = None

    def add(self, value: float) -> None:
        """One more."""
        self.mean = value if self.mean is None else self.mean + NEWEST * (value - self.mean)


class Eta(Mean):
    """The mean of how long a render takes, in seconds."""

    def forecast(self, running: Iterable[Job], slots: int, share: int) -> "Forecast":
        """What is to come, with so many slots of which one user may hold `share`."""
        mean = inf if self.mean is None else self.mean
        ends = [(job.user, _left(job, mean)) for job in running]
        return Forecast(ends, slots, share, mean)


class Forecast:
    """When the jobs of a line start, told one after the other, each with those before it in mind.

    Times are seconds from now; an end that nobody can tell is infinitely far away.
    """

    def __init__(
        self, running: Iterable[tuple[User, float]], slots: int, share: int, mean: float
    ) -> None:
        """`running`: the user and the end of each render; those to come take `mean`."""
        self._share = share
        self._mean = mean
        self._last: dict[User, list[float]] = {}  # heaps: the last `share` ends of each user
        ends = []
        for user, end in running:
            self._occupy(user, end)
            ends.append(end)
        free = [0.0] * (slots - len(ends)) + sorted(ends)
        self._free = free[-slots:]  # when each slot is free; after a reload more may run than may

    def earliest(self, user: User) -> float | None:
        """When a job of this user could start next; None if nobody can tell."""
        at = self._next(user)
        return at if at < inf else None

    def start(self, user: User) -> float | None:
        """When the next job of the line starts, which is this user's; None if nobody can tell."""
        at = self._next(user)
        # of the slots that are free then the last one: the others are of use before
        del self._free[bisect_right(self._free, at) - 1]
        insort(self._free, at + self._mean)
        self._occupy(user, at + self._mean)
        return at if at < inf else None

    def _next(self, user: User) -> float:
        """Once there is a slot, and the user holds fewer than may be."""
        last = self._last.get(user, [])
        return max(self._free[0], last[0]) if len(last) == self._share else self._free[0]

    def _occupy(self, user: User, end: float) -> None:
        last = self._last.setdefault(user, [])
        if len(last) < self._share:
            heapq.heappush(last, end)
        else:
            heapq.heappushpop(last, end)


def _left(job: Job, mean: float) -> float:
    """The seconds until a running job ends."""
    return (job.total - job.done) / job.fps if job.fps else mean


@dataclass(frozen=True)
class Place:
    """A position in the line, from 1, and the seconds until the start; None: not known yet."""

    position: int
    eta: float | None


class Positions:
    """The queued jobs in the order in which they start, and how fast it moves."""

    def __init__(self, store: Store, updates: Updates, live_config: LiveConfig) -> None:
        self._store = store
        self._updates = updates
        self._live_config = live_config
        self._lock = threading.Lock()
        self._turns = Turns()
        self._eta = Eta()
        self._frame = Mean()  # of the seconds that a frame takes

    def head(self, running: Sequence[Job] = ()) -> Waiting | None:
        """The job to start next while these run, None if none may.

        Who holds as many slots as one user may is passed over.
        """
        render = self._live_config.config.render
        if len(running) >= render.max_active:
            return None
        moment, slots = now(), Counter(job.user for job in running)
        heads = [
            each
            for each in self._store.heads(moment)
            if slots[each.user] < render.max_active_per_user
        ]
        with self._lock:
            return next(iter(ranked(heads, self._turns, moment)), None)

    def giving_way(self, turns: Sequence[Turn]) -> str | None:
        """The job, of those that run, which is to give way to one that waits; or None."""
        rules, moment = self._live_config.config.render, now()
        if not any(turn.seconds >= rules.turn_seconds for turn in turns):
            return None  # without a look at the disk
        heads = self._store.heads(moment)
        with self._lock:
            waiting = ranked(heads, self._turns, moment)
        return giving_way(waiting, turns, rules, moment)

    def served(self, user: User) -> None:
        """A job of this user has left the line, or has had its turn; the others come first now."""
        with self._lock:
            self._turns.serve(user)

    def ended(self, job: Job) -> None:
        """A render has come to a good end."""
        seconds = (job.ended_at or 0.0) - (job.started_at or 0.0)
        with self._lock:
            self._eta.add(seconds)
            self._frame.add(seconds / max(job.total, 1))

    def render_seconds(self, frames: int) -> float | None:
        """How long a render of so many frames takes, by those that have ended; None before."""
        with self._lock:
            return None if self._frame.mean is None else frames * self._frame.mean

    def places(self) -> dict[str, Place]:
        """The place of each job that waits, by its id."""
        waiting = self._store.waiting()
        with self._lock:
            turns, forecast = self._turns.copy(), self._forecast()
        queue = in_order(waiting, turns, now())
        return {each.id: Place(at, forecast.start(each.user)) for at, each in enumerate(queue, 1)}

    def next_start(self, users: Iterable[User]) -> float | None:
        """The seconds until a job of one of these users leaves the line, if that is known."""
        with self._lock:
            forecast = self._forecast()
        known = (forecast.earliest(user) for user in users)
        return min((each for each in known if each is not None), default=None)

    def _forecast(self) -> Forecast:
        render = self._live_config.config.render
        return self._eta.forecast(
            self._updates.running, render.max_active, render.max_active_per_user
        )
