"""The pace: how long jobs take here, measured, and so when those that wait will start."""

import heapq
from collections.abc import Iterable, Iterator

from lipsyncd.jobs.job import Job

NEWEST = 0.2  # the weight of the newest job in the mean; that of older ones fades


class Pace:
    """The moving mean of how long a render takes, in seconds; None before the first has ended."""

    def __init__(self) -> None:
        self.mean: float | None = None

    def add(self, seconds: float) -> None:
        """A render has ended well after so many seconds."""
        self.mean = seconds if self.mean is None else self.mean + NEWEST * (seconds - self.mean)

    def starts(self, running: Iterable[Job], slots: int) -> Iterator[float | None]:
        """The seconds until the first of those that wait starts, the second, and so on for ever.

        None from where on it cannot be known.
        """
        free = [self._left(job) for job in running]
        free += [0.0] * (slots - len(free))
        if None not in free:
            heapq.heapify(free)
            yield free[0]
            while self.mean is not None:
                heapq.heapreplace(free, free[0] + self.mean)
                yield free[0]
        while True:
            yield None

    def _left(self, job: Job) -> float | None:
        """The seconds until a running job ends."""
        if job.fps:
            return (job.total - job.done) / job.fps
        return self.mean
