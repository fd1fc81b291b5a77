"""How far the running jobs are, and who waits for which job."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lipsyncd.protocol.job import Job, State


class Watch:
    """One waiter's view of one job: the newest post, older ones forgotten.

    Its descriptor is readable while there is a post that `take` has not returned.
    """

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()
        self._newest: Job | None = None

    def put(self, job: Job) -> None:
        """A new post."""
        with self._lock:
            self._newest = job
            os.eventfd_write(self._event, 1)

    def take(self) -> Job | None:
        """The newest post since the last call, None if there is none."""
        with self._lock:
            job, self._newest = self._newest, None
            if job:
                os.eventfd_read(self._event)
            return job

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._event

    def close(self) -> None:
        """Take no more posts."""
        os.close(self._event)


class Board:
    """Every change of a job is posted here; a running job's newest post stays readable.

    `news` is set at each; whoever waits for it clears it.
    """

    def __init__(self, news: threading.Event | None = None) -> None:
        self.news = news or threading.Event()
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}
        self._watches: dict[str | None, list[Watch]] = {}

    def post(self, job: Job) -> None:
        """Show the job as it now is to all who watch it."""
        with self._lock:
            before = self._running.pop(job.id, None)
            if job.state is State.RUNNING:
                self._running[job.id] = job
            watches = list(self._watches.get(job.id, ()))
            if before is None or before.state is not job.state:
                watches += self._watches.get(None, ())
            for watch in watches:
                watch.put(job)
        self.news.set()

    @property
    def running(self) -> list[Job]:
        """The jobs that are being rendered, with their progress."""
        with self._lock:
            return list(self._running.values())

    def newest(self, job: Job) -> Job:
        """The stored job with the progress it has made since; running until its end is posted."""
        with self._lock:
            return self._running.get(job.id, job)

    @contextmanager
    def watch(self, job: str | None) -> Iterator[Watch]:
        """A watch over the job with this id; or over the states of all (None), not their progress.

        Read the job after this, and no change is missed.
        """
        watch = Watch()
        with self._lock:
            self._watches.setdefault(job, []).append(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[job].remove(watch)
                if not self._watches[job]:
                    del self._watches[job]
            watch.close()
