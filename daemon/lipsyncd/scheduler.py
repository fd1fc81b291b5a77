"""Takes jobs from the queue to the render thread, one after the other; cancel and drain."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace

from lipsyncd.board import Board
from lipsyncd.errors import (
    DeviceLost,
    DiskFull,
    InternalError,
    JobEnded,
    LipsyncError,
    QueueDraining,
)
from lipsyncd.job import Job, Options, Paths, Progress, State, move
from lipsyncd.journal import NOTICE
from lipsyncd.notify import Heartbeat
from lipsyncd.spool import Spool, full_disk_named
from lipsyncd.store import Store

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # between attempts to write to a store whose disk is full

Render = Callable[[Options, Paths], Generator[Progress, None, None]]


class Scheduler:
    """The queue's life: `enqueue` and `cancel` from sessions, `run` in the render thread."""

    def __init__(
        self, store: Store, spool: Spool, board: Board, heartbeat: Heartbeat, max_jobs: int
    ) -> None:
        self._store = store
        self._spool = spool
        self._board = board
        self._heartbeat = heartbeat
        self._max_jobs = max_jobs
        self._changed = threading.Condition()
        self._running: str | None = None
        self._verdict: State | None = None  # what the running job is to become before its end
        self._is_draining = False

    def enqueue(self, job: Job) -> None:
        """Accept the job, on disk for good; raises QueueFull, QueueDraining or DiskFull."""
        with self._changed:
            self.check_open()
            self._store.add(job, self._max_jobs)
            self._changed.notify_all()

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
        self._publish(cancelled)
        log.info("job %s: cancelled before it ran", job)

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
            queued = _cut_short(found, State.QUEUED)
            self._store.put(queued)
            self._board.post(queued)
        self._running = None

    @property
    def is_idle(self) -> bool:
        """No job is running."""
        return self._running is None

    def run(self, render: Render) -> None:
        """Render job after job until drained. DeviceLost comes out, and its job stays running."""
        while job := self._next():
            self._heartbeat.beat()
            try:
                ended = self._rendered(job, render)
            finally:
                self._heartbeat.idle()
            self._settle(ended)

    def _next(self) -> Job | None:
        """Wait for a job and take it; None when draining."""
        with self._changed:
            while not self._is_draining:
                job = self._take()
                if job:
                    self._running, self._verdict = job.id, None
                    self._board.post(job)
                    return job
        return None

    def _take(self) -> Job | None:
        """The oldest job, or None after a wait."""
        try:
            job = self._store.take()
        except DiskFull as error:
            log.error("queue: paused: %s", error.message)
            self._changed.wait(RETRY_SECONDS)
            return None
        if job is None:
            self._changed.wait()
        return job

    def _rendered(self, job: Job, render: Render) -> Job:
        """The job as its render left it."""
        log.info("job %s: rendering, attempt %d", job.id, job.attempts)
        try:
            with full_disk_named():
                job, verdict = self._followed(job, render(job.options, self._spool.paths(job.id)))
                if verdict:
                    return _cut_short(job, verdict)
                size = self._spool.seal(job.id)
                return move(job, State.SUCCEEDED, ended_at=time.time(), result_bytes=size)
        except DeviceLost:
            raise
        except LipsyncError as error:
            return _failed(self._board.newest(job), error)
        except Exception:
            log.exception("job %s: the render broke", job.id)
            broken = InternalError("The render broke.", "Ask the operator to read the log.")
            return _failed(self._board.newest(job), broken)

    def _followed(
        self, job: Job, steps: Generator[Progress, None, None]
    ) -> tuple[Job, State | None]:
        """Iterate the render to its end or to a verdict; the job with its progress."""
        begun = time.monotonic()
        with closing(steps):
            for step in steps:
                self._heartbeat.beat()
                fps = round(step.done / max(time.monotonic() - begun, 1e-9), 2)
                job = replace(job, done=step.done, total=step.total, faces=step.faces, fps=fps)
                self._board.post(job)
                if self._verdict:
                    return job, self._verdict
        return job, None

    def _settle(self, job: Job) -> None:
        """Record how the job ended, show it, and be idle; unless `stop` was faster."""
        with self._changed:
            self._record(job)
            if self.is_idle:
                return
            self._publish(job)
            self._running = None
            self._changed.notify_all()
        _log_end(job)

    def _record(self, job: Job) -> None:
        """Write the end to the store; while its disk is full, the queue waits."""
        while not self.is_idle:
            try:
                self._store.put(job)
                return
            except DiskFull as error:
                log.error("job %s: its end cannot be recorded: %s", job.id, error.message)
                self._changed.wait(RETRY_SECONDS)

    def _publish(self, job: Job) -> None:
        """The files first, so that whoever learns of an end finds them as they stay."""
        self._spool.tidy(job.id, job.state)
        self._board.post(job)


def _cut_short(job: Job, verdict: State) -> Job:
    if verdict is not State.QUEUED:
        return move(job, verdict, ended_at=time.time())
    # an attempt that the daemon itself broke off says nothing against the job
    untouched = {"attempts": job.attempts - 1, "started_at": None, "fps": 0.0}
    return move(job, State.QUEUED, done=0, total=0, faces=0, **untouched)


def _failed(job: Job, error: LipsyncError) -> Job:
    return move(job, State.FAILED, ended_at=time.time(), error=error.as_map())


def _log_end(job: Job) -> None:
    if job.state is State.SUCCEEDED:
        seconds = (job.ended_at or 0.0) - (job.started_at or 0.0)
        log.info("job %s: done, %d frames in %.1f s (%.0f fps)", job.id, job.done, seconds, job.fps)
    elif job.error:
        theirs = str(job.error["name"]).startswith("input.")
        level = NOTICE if theirs else logging.ERROR
        log.log(level, "job %s: failed, %s: %s", job.id, job.error["name"], job.error["message"])
    else:
        log.info("job %s: %s after %d frames", job.id, job.state, job.done)
