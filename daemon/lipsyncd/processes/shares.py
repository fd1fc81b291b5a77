"""Shares: how many render processes each job may have while others are rendered as well."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Shares:
    """The render processes of each running job; for every thread.

    Each job has the one that leads it. What there may be beyond those is shared evenly.
    """

    def __init__(self, most: int) -> None:
        """`most` processes at the same time, unless more jobs are led."""
        self.most = most
        self._lock = threading.Lock()
        self._processes: Counter[str] = Counter()

    @contextmanager
    def led(self, job: str) -> Iterator[None]:
        """A job is rendered in the block."""
        with self._lock:
            self._processes[job] += 1
        try:
            yield
        finally:
            self.leave(job)

    def join(self, job: str) -> bool:
        """Whether one more process may help this job; then it is counted."""
        with self._lock:
            self._processes[job] += 1
            if self._is_fair(job):
                return True
            self._processes[job] -= 1
            return False

    def may_stay(self, job: str) -> bool:
        """Whether none of this job's processes is too many."""
        with self._lock:
            return self._is_fair(job)

    def leave(self, job: str) -> None:
        """One process of this job less."""
        with self._lock:
            self._processes[job] -= 1
            self._processes += Counter()  # forget jobs without any

    def _is_fair(self, job: str) -> bool:
        share = -(-self.most // len(self._processes))
        return self._processes.total() <= self.most and self._processes[job] <= share
