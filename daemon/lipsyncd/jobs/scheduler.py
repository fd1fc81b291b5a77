"""Takes jobs from the queue to the render thread, one after the other; cancel and drain."""

import threading
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from lipsyncd.dataplane import DataPlane, Render
from lipsyncd.errors import (
    DeviceLost,
    DiskFull,
    InternalError,
    JobEnded,
    LipsyncError,
    QueueDraining,
    QueueFull,
)
from lipsyncd.host.events import DISK_FULL, JOB_REJECTED_QUEUE_FULL, JOB_STARTED, emit
from lipsyncd.host.heartbeat import Heartbeat
from lipsyncd.host.warmpass import WarmPass
from lipsyncd.jobs.board import Board
from lipsyncd.jobs.job import Job, Progress, State, move
from lipsyncd.jobs.outcome import cut_short, failed, succeeded, tell
from lipsyncd.jobs.spool import Spool, full_disk_named
from lipsyncd.jobs.store import Store

RETRY_SECONDS = 5.0  # between attempts to write to a store whose disk is full


class Scheduler:
    """The queue's life: `enqueue` and `cancel` from sessions, `run` in the render thread.

    `max_jobs` and `warm_interval` (seconds) may be changed while it runs.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        board: Board,
        heartbeat: Heartbeat,
        *,
        max_jobs: int,
        warm_interval: float,
    ) -> None:
        self._store = store
        self._spool = spool
        self._board = board
        self._heartbeat = heartbeat
        self.max_jobs = max_jobs
        self.warm_interval = warm_interval
        self._changed = threading.Condition()
        self._running: str | None = None
        self._verdict: State | None = None  # what the running job is to become before its end
        self._is_draining = False
        self._is_full = False  # the store's disk, and it has been told

    def enqueue(self, job: Job) -> None:
        """Accept the job, on disk for good; raises QueueFull, QueueDraining or DiskFull."""
        with self._changed:
            self.check_open()
            try:
                self._store.add(job, self.max_jobs)
            except QueueFull:
                text = "queue: a job of uid %d was refused, %d wait already"
                emit(JOB_REJECTED_QUEUE_FULL, text, job.owner, self.max_jobs, OWNER_UID=job.owner)
                raise
            self._changed.notify_all()
        self._board.news.set()

    def check_open(self) -> None:
        """Raise QueueDraining if the queue takes nothing more."""
        if self._is_draining:
            raise QueueDraining("The daemon is stopping.", "Submit again when it is back.")

    def cancel(self, job: str) -> None:
        """Stop the job, at once if it waits, else after its next batch; JobEnded if it ended.

        The end is posted on the board.
        """
        with self._changed:
            if job == self._running:
                self._verdict = State.CANCELLED
                return
            found = self._store.get(job)
            if found is None or found.is_ended:
                raise JobEnded("The job has ended already.", "There is nothing left to cancel.")
            cancelled = move(found, State.CANCELLED, ended_at=time.time())
            self._store.put(cancelled)
        tell(cancelled)
        self._publish(cancelled)

    def drain(self) -> None:
        """Take nothing more: `run` returns once the running job has ended."""
        with self._changed:
            self._is_draining = True
            self._changed.notify_all()

    def stop(self, patience: float) -> None:
        """Put the running job back into the queue, after its next batch if that comes in time.

        Call it after `drain`. After `patience` seconds the job goes back as it is, and the render
        thread is not to be waited for.
        """
        with self._changed:
            self._verdict = self._verdict or State.QUEUED
            if not self._changed.wait_for(lambda: self.is_idle, patience):
                self._give_back(str(self._running))

    def _give_back(self, job: str) -> None:
        """Queue the running job again while its render still hangs."""
        found = self._store.get(job)
        if found and not found.is_ended:
            queued = cut_short(found, State.QUEUED)
            self._store.put(queued)
            self._board.post(queued)
            tell(queued)
        self._running = None

    @property
    def is_idle(self) -> bool:
        """No job is running."""
        return self._running is None

    def run(self, plane: DataPlane) -> None:
        """Render job after job until drained, and prove the device while there is none.

        DeviceLost comes out, and its job stays running.
        """
        warm_pass = WarmPass(plane.prove)
        while not self._is_draining:
            job = self._next()
            with self._heartbeat.life(job) as self._life:
                self._life.beat()
                if job:
                    self._settle(*self._rendered(job, plane.render))
                elif not self._is_draining:
                    warm_pass.run()
                self._life.beat()

    def _next(self) -> Job | None:
        """The next job, taken; None if none came for a warm interval, or when draining."""
        due = time.monotonic() + self.warm_interval
        with self._changed:
            while not self._is_draining:
                if job := self._take():
                    self._running, self._verdict = job.id, None
                    self._board.post(job)
                    return job
                left = due - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, RETRY_SECONDS))
        return None

    def _take(self) -> Job | None:
        """The oldest job; None if none waits, or if there is no room to say that it runs."""
        try:
            job = self._store.take()
        except DiskFull as error:
            self._tell_full(error)
            return None
        self._is_full = False
        return job

    def _tell_full(self, error: DiskFull) -> None:
        """Once, until there is room again."""
        if not self._is_full:
            emit(DISK_FULL, "queue: paused: %s", error.message)
        self._is_full = True

    def _rendered(self, job: Job, render: Render) -> tuple[Job, Exception | None]:
        """The job as its render left it, and what broke if that was our fault."""
        waited = (job.started_at or 0.0) - job.created_at
        text = "job %s: rendering, attempt %d"
        emit(JOB_STARTED, text, job.id, job.attempts, job=job, WAIT_MS=round(1000 * waited))
        try:
            return self._finished(job, render), None
        except DeviceLost:
            raise
        except LipsyncError as error:
            return failed(self._board.newest(job), error), None
        except Exception as error:
            broken = InternalError("The render broke.", "Ask the operator to read the log.")
            return failed(self._board.newest(job), broken), error

    def _finished(self, job: Job, render: Render) -> Job:
        with full_disk_named():
            job, verdict = self._followed(job, render(job.options, self._spool.paths(job.id)))
            return cut_short(job, verdict) if verdict else succeeded(job, self._spool.seal(job.id))

    def _followed(
        self, job: Job, steps: Generator[Progress, None, None]
    ) -> tuple[Job, State | None]:
        """Iterate the render to its end or to a verdict; the job with its progress."""
        begun = time.monotonic()
        with closing(steps):
            for step in steps:
                self._life.beat()
                fps = round(step.done / max(time.monotonic() - begun, 1e-9), 2)
                job = replace(job, done=step.done, total=step.total, faces=step.faces, fps=fps)
                self._board.post(job)
                if self._verdict:
                    return job, self._verdict
        return job, None

    def _settle(self, job: Job, cause: Exception | None) -> None:
        """Record and tell how the job ended, show it, and be idle; unless `stop` was faster."""
        with self._changed:
            self._record(job)
            if self.is_idle:
                return
            tell(job, cause)
            self._publish(job)
            self._running = None
            self._changed.notify_all()

    def _record(self, job: Job) -> None:
        """Write the end to the store; while its disk is full, the queue waits."""
        while not self.is_idle:
            try:
                self._store.put(job)
                return
            except DiskFull as error:
                self._tell_full(error)
                self._changed.wait(min(RETRY_SECONDS, self.warm_interval))
                self._life.beat()  # the queue is alive, and waits for an operator

    def _publish(self, job: Job) -> None:
        """The files first, so that whoever learns of an end finds them as they stay."""
        self._spool.tidy(job.id, job.state)
        self._board.post(job)
