"""The pace: how long jobs take here, measured, and so when those that wait will start."""

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterable
from math import inf

from lipsyncd.jobs.job import Job

NEWEST = 0.2  # the weight of the newest job in the mean; that of older ones fades


class Pace:
    """The moving mean of how long a render takes, in seconds; None before the first has ended."""

    def __init__(self) -> None:
        self.mean: float | None = None

    def add(self, seconds: float) -> None:
        """A render has ended well after so many seconds."""
        self.mean = seconds if self.mean is None else self.mean + NEWEST * (seconds - self.mean)

    def forecast(self, running: Iterable[Job], slots: int, share: int) -> "Forecast":
        """What is to come, with so many slots of which one user may hold `share`."""
        mean = inf if self.mean is None else self.mean
        ends = [(job.owner, _left(job, mean)) for job in running]
        return Forecast(ends, slots, share, mean)


class Forecast:
    """When the jobs of a line start, told one after the other, each with those before it in mind.

    Times are seconds from now; an end that nobody can tell is infinitely far away.
    """

    def __init__(
        self, running: Iterable[tuple[int, float]], slots: int, share: int, mean: float
    ) -> None:
        """`running`: the owner and the end of each render; those to come take `mean`."""
        self._share = share
        self._mean = mean
        self._last: dict[int, list[float]] = {}  # heaps: the last `share` ends of each owner
        ends = []
        for owner, end in running:
            self._occupy(owner, end)
            ends.append(end)
        free = [0.0] * (slots - len(ends)) + sorted(ends)
        self._free = free[-slots:]  # when each slot is free; after a reload more may run than may

    def earliest(self, owner: int) -> float | None:
        """When a job of this user could start next; None if nobody can tell."""
        at = self._next(owner)
        return at if at < inf else None

    def start(self, owner: int) -> float | None:
        """When the next job of the line starts, which is this user's; None if nobody can tell."""
        at = self._next(owner)
        # of the slots that are free then the last one: the others are of use before
        del self._free[bisect_right(self._free, at) - 1]
        insort(self._free, at + self._mean)
        self._occupy(owner, at + self._mean)
        return at if at < inf else None

    def _next(self, owner: int) -> float:
        """Once there is a slot, and the user holds fewer than may be."""
        last = self._last.get(owner, [])
        return max(self._free[0], last[0]) if len(last) == self._share else self._free[0]

    def _occupy(self, owner: int, end: float) -> None:
        last = self._last.setdefault(owner, [])
        if len(last) < self._share:
            heapq.heappush(last, end)
        else:
            heapq.heappushpop(last, end)


def _left(job: Job, mean: float) -> float:
    """The seconds until a running job ends."""
    return (job.total - job.done) / job.fps if job.fps else mean
