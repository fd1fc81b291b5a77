"""The tally: what has become of jobs in this life of the daemon, in numbers that only grow."""

import time
from collections import Counter

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State

BOUNDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)  # seconds


class Spread:
    """How long something took, each time: how often it took no longer than each of BOUNDS."""

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self._count, self._sum = 0, 0.0

    def add(self, seconds: float) -> None:
        """Once more; a clock that was set back makes it no less than nothing."""
        seconds = max(seconds, 0.0)
        self._count, self._sum = self._count + 1, self._sum + seconds
        self._counts = [
            count + (seconds <= bound) for count, bound in zip(self._counts, BOUNDS, strict=True)
        ]

    def as_map(self) -> dict[str, object]:
        """As it travels."""
        counts = [[bound, count] for bound, count in zip(BOUNDS, self._counts, strict=True)]
        return {"bounds": counts, "count": self._count, "sum": self._sum}


class Tally:
    """Sees each change of a job once; whoever calls it keeps others out meanwhile."""

    def __init__(self) -> None:
        self._begun_at = time.time()
        self._accepted, self._frames = 0, 0
        self._ended: Counter[tuple[str, str]] = Counter()
        self._waiting, self._running = Spread(), Spread()
        self._progress_at: float | None = None

    def see(self, before: Job | None, job: Job) -> None:
        """A job as it is now; `before` as it was last, if it was running."""
        if job.state is State.QUEUED and before is None:
            self._accepted += job.attempts == 0
        elif job.state is State.RUNNING and job.started_at is not None and is_first(before, job):
            self._waiting.add(job.started_at - job.created_at)
        if before and job.done > before.done:
            self._frames += job.done - before.done
            self._progress_at = time.time()
        if job.is_ended:
            self._see_end(job)

    def _see_end(self, job: Job) -> None:
        reason = str(job.error["name"]) if job.error else ""
        self._ended[str(job.state), reason] += 1
        if job.started_at is not None and job.ended_at is not None:
            self._running.add(job.ended_at - job.started_at)

    def as_map(self) -> dict[str, object]:
        """As it travels."""
        ended = [
            {"state": state, "reason": reason, "count": count}
            for (state, reason), count in sorted(self._ended.items())
        ]
        return {
            "begun_at": self._begun_at,
            "accepted": self._accepted,
            "ended": ended,
            "waiting": self._waiting.as_map(),
            "running": self._running.as_map(),
            "frames": self._frames,
            "progress_at": self._progress_at,
        }


def is_first(before: Job | None, job: Job) -> bool:
    """Whether a running job has just begun, and neither anew nor after a turn of others."""
    return before is None and job.attempts == 1 and job.done == 0
