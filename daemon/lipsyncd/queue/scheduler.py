"""Takes jobs from the queue to their renders, as many at once as there may be; cancel and drain."""

import threading
import time

from lipsyncd.config import Chosen
from lipsyncd.errors import InternalError, JobEnded, LipsyncError, QueueDraining, StorageError
from lipsyncd.protocol.job import Job, State
from lipsyncd.queue.attempt import OVERDUE, Run
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.positions import Line
from lipsyncd.queue.renderer import DataPlane, Render
from lipsyncd.queue.selftest import WarmPass, warm_interval
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import cancelled, expired, requeued, tell
from lipsyncd.queue.updates import Board
from lipsyncd.system.native import give_back_memory
from lipsyncd.system.watchdog import Heartbeat, Life

RETRY_SECONDS = 2.0  # between attempts to write to a disk that is full


class Scheduler:
    """The queue's life: `enqueue` and `cancel` from sessions, `run` in the render thread."""

    def __init__(
        self, store: Store, spool: Spool, board: Board, heartbeat: Heartbeat, chosen: Chosen
    ) -> None:
        self.line = Line(store, board, chosen)
        self.pause = Pause(store, spool, chosen, board.news)
        self._store = store
        self._spool = spool
        self._board = board
        self._heartbeat = heartbeat
        self._chosen = chosen
        self._changed = threading.Condition()
        self._runs: dict[str, Run] = {}
        self._is_stopping = False
        self._broken: LipsyncError | None = None  # what ends the daemon

    def enqueue(self, job: Job) -> Job:
        """Accept the job, on disk for good; the one that had its key before, if there is one.

        Raises QueueDraining, KeyTaken, StorageError.
        """
        with self._changed:
            self.check_open()
            accepted = self._store.add(job)
            if accepted.id == job.id:  # not an older one, which is further on
                self._spool.accept(job.id)
                self._board.post(job)
            self._changed.notify_all()
            return accepted

    def check_open(self) -> None:
        """Raise QueueDraining if the queue takes nothing more."""
        if self._is_stopping:
            raise QueueDraining("The daemon is stopping.", "Submit again when it is back.")
        self.pause.check_open()

    def cancel(self, job: str) -> None:
        """Stop the job, at once if it waits, else after its next batch; JobEnded if it ended.

        The end is posted on the board.
        """
        with self._changed:
            if run := self._runs.get(job):
                run.verdict = State.CANCELLED
                return
            found = self._store.get(job)
            if found is None or found.is_ended:
                words = f"{found} already." if found else f"Job {job} is gone."
                raise JobEnded(words, "There is nothing left to cancel.")
            self._end(cancelled(found))

    def expire(self, job: Job) -> None:
        """End a job whose time is over, if it still waits."""
        with self._changed:
            if (found := self._store.get(job.id)) and found.state is State.QUEUED:
                self._end(expired(found, OVERDUE))

    def hold(self, reason: str) -> None:
        """Take nothing more and start nothing more, until `resume`; restarts do not end it."""
        with self._changed:
            self.pause.hold(reason)

    def resume(self) -> None:
        """End a hold."""
        with self._changed:
            self.pause.resume()
            self._changed.notify_all()

    @property
    def paused(self) -> str:
        """Why nothing is started for now, in a sentence; empty while the queue goes on."""
        return "The daemon is stopping." if self._is_stopping else self.pause.reason

    def close(self) -> None:
        """Take nothing more: `run` returns once the running jobs have ended."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def stop(self, patience: float) -> None:
        """Put the running jobs back into the queue, after their next batch if that comes in time.

        Call it after `close`. After `patience` seconds they go back as they are, and the render
        threads are not to be waited for.
        """
        with self._changed:
            for run in self._runs.values():
                run.verdict = run.verdict or State.QUEUED
            self._changed.wait_for(lambda: self.is_idle, patience)
            for job in list(self._runs):
                self._give_back(job)

    def _give_back(self, job: str) -> None:
        """Queue the job again while its render still hangs; else the next life does."""
        try:
            if (found := self._store.get(job)) and not found.is_ended:
                self._end(requeued(found))
        except StorageError as error:
            self.pause.tell(error)
        del self._runs[job]

    @property
    def _is_full(self) -> bool:
        return len(self._runs) >= self._chosen.config.render.max_active

    @property
    def is_idle(self) -> bool:
        """No job is running."""
        return not self._runs

    def run(self, plane: DataPlane) -> None:
        """Start job after job until closed, and prove the device while there is none.

        What has to end the daemon comes out, DeviceLost above all; its jobs stay running.
        """
        warm_pass = WarmPass(plane.prove)
        with self._heartbeat.life() as life:
            while not (self._is_stopping and self.is_idle):
                life.beat()
                if run := self._next():
                    self._start(run, plane.render)
                elif self.is_idle and not self._is_stopping:
                    warm_pass.run()

    def _next(self) -> Run | None:
        """The run of the next job; None if none may start for now."""
        with self._changed:
            due = time.monotonic() + self._tick()
            while (left := due - time.monotonic()) > 0:
                if self._broken:
                    raise self._broken
                if self._is_stopping and self.is_idle:
                    return None
                if job := self._taken():
                    run = Run(job, self._spool, self._board, self.pause, self._chosen)
                    return self._runs.setdefault(job.id, run)
                self._changed.wait(min(left, RETRY_SECONDS))
        return None

    def _tick(self) -> float:
        """The seconds until the queue has to prove that it is alive, or the device when idle."""
        seconds = self._chosen.config.warm_interval_seconds
        interval = warm_interval(seconds, self._heartbeat.patience)
        return interval if self.is_idle else min(interval, self._heartbeat.pause or interval)

    def _taken(self) -> Job | None:
        """The first job of the line, if it can be started and is written down as running."""
        if self.pause.blocks() or self._is_stopping or self._is_full:
            return None
        if any(run.job.crashes for run in self._runs.values()):
            return None  # a suspect runs alone
        try:
            head = self.line.head(run.job.owner for run in self._runs.values())
            if head is None or (head.crashes and self._runs):
                return None
            job = self._store.begin(head.id)
        except StorageError as error:
            return self.pause.tell(error)
        self.line.started(head.owner)
        return job

    def _start(self, run: Run, render: Render) -> None:
        self._board.post(run.job)
        name = f"render-{run.job.id}"
        threading.Thread(target=self._live, args=[run, render], name=name, daemon=True).start()

    def _live(self, run: Run, render: Render) -> None:
        """The thread of a run."""
        with self._heartbeat.life(run.job) as life:
            try:
                self._settle(run, run.to_end(render, life), life)
            except LipsyncError as error:
                self._break(error)
            except BaseException as error:
                broken = InternalError(f"A render broke the queue: {error}.", "Read the log.")
                broken.__cause__ = error
                self._break(broken)
        give_back_memory()

    def _break(self, error: LipsyncError) -> None:
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()

    def _settle(self, run: Run, job: Job, life: Life) -> None:
        """Record and tell how the job ended, show it, and be free; unless `stop` was faster."""
        with self._changed:
            while job.id in self._runs and not self._is_recorded(job):
                if run.verdict is State.CANCELLED and not job.is_ended:
                    job = cancelled(run.job)  # while it waited to go back to the queue
                self._changed.wait(min(RETRY_SECONDS, self._tick()))
                life.beat()  # the queue is alive, and waits for an operator
            if job.id not in self._runs:
                return
            if job.state is State.SUCCEEDED:
                self.line.ended(job)
            del self._runs[job.id]
            self._show(job, run.cause)
            self._changed.notify_all()

    def _is_recorded(self, job: Job) -> bool:
        """Whether the end could be written to the store."""
        try:
            self._store.put(job)
        except StorageError as error:
            self.pause.tell(error)
            return False
        return True

    def _end(self, job: Job) -> None:
        """A job whose end, or return to the queue, comes from outside its render."""
        self._store.put(job)
        self._show(job)

    def _show(self, job: Job, cause: Exception | None = None) -> None:
        """The files first, so that whoever learns of an end finds them as they stay."""
        tell(job, cause)
        self._spool.tidy(job.id, job.state)
        self._board.post(job)
