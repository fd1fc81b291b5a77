"""How far the running jobs are, and who waits for which job."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.tally import Tally


class Subscription:
    """One waiter's view of one job: the newest update, older ones forgotten.

    Its descriptor is readable while there is an update that `take` has not returned.
    """

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._newest: Job | None = None

    def put(self, job: Job) -> None:
        """A new update."""
        with self._lock:
            self._newest = job
            os.eventfd_write(self._event, 1)

    def take(self) -> Job | None:
        """The newest update since the last call, None if there is none."""
        with self._lock:
            job, self._newest = self._newest, None
            if job:
                os.eventfd_read(self._event)
            return job

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._event

    def close(self) -> None:
        """Take no more updates."""
        os.close(self._event)


class Updates:
    """Every change of a job is published here; a running job's newest update stays readable.

    `news` is set at each; whoever waits for it clears it.
    """

    def __init__(self, news: threading.Event | None = None) -> None:
        self.news = news or threading.Event()
        self._tally = Tally()
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}
        self._subscriptions: dict[str | None, list[Subscription]] = {}

    def publish(self, job: Job) -> None:
        """Show the job as it now is to all who subscription it."""
        with self._lock:
            before = self._running.pop(job.id, None)
            self._tally.see(before, job)
            if job.state is State.RUNNING:
                self._running[job.id] = job
            subscriptions = list(self._subscriptions.get(job.id, ()))
            if before is None or before.state is not job.state:
                subscriptions += self._subscriptions.get(None, ())
            for subscription in subscriptions:
                subscription.put(job)
        self.news.set()

    @property
    def running(self) -> list[Job]:
        """The jobs that are being rendered, with their progress."""
        with self._lock:
            return list(self._running.values())

    def tally(self) -> dict[str, object]:
        """What has become of jobs in this life, as a map."""
        with self._lock:
            return self._tally.as_map()

    def newest(self, job: Job) -> Job:
        """The stored job with its progress since; running until its end is published."""
        with self._lock:
            return self._running.get(job.id, job)

    @contextmanager
    def subscribe(self, job: str | None) -> Iterator[Subscription]:
        """A subscription to the job with this id; or, with None, to the states of all.

        Read the job after this, and no change is missed.
        """
        subscription = Subscription()
        with self._lock:
            self._subscriptions.setdefault(job, []).append(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions[job].remove(subscription)
                if not self._subscriptions[job]:
                    del self._subscriptions[job]
            subscription.close()
