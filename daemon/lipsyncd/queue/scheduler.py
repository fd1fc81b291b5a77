"""Takes jobs from the queue to their renders, as many at once as there may be; cancel and drain."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from lipsyncd.config import LiveConfig
from lipsyncd.errors import InternalError, JobEnded, LipsyncError, QueueDraining, StorageError
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.attempt import Attempt
from lipsyncd.queue.contents import KEPT
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.positions import Positions
from lipsyncd.queue.renderer import Render, Renderer
from lipsyncd.queue.running import Running
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import cancelled, requeued, tell
from lipsyncd.queue.updates import Updates
from lipsyncd.system.watchdog import Heartbeat

RETRY_SECONDS = 2.0  # between attempts to write to a disk that is full


class Scheduler:
    """The queue's life: `enqueue` and `cancel` from sessions, `run` in the render thread.

    Of its locks only `_moves` is held while the disk is waited for.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        updates: Updates,
        heartbeat: Heartbeat,
        live_config: LiveConfig,
    ) -> None:
        self.positions = Positions(store, updates, live_config)
        self.pause = Pause(store, spool, live_config, updates.news)
        self._store = store
        self._spool = spool
        self._updates = updates
        self._heartbeat = heartbeat
        self._live_config = live_config
        self._moves = threading.Lock()  # one change of a job's state after the other
        self._running = Running()
        self._is_stopping = False
        self._broken: LipsyncError | None = None  # what ends the daemon

    def enqueue(self, job: Job) -> Job:
        """Accept the job, on disk for good; the one that had its key before, if there is one.

        Raises QueueDraining, KeyTaken, StorageError.
        """
        with self._moves:
            self.check_open()
            accepted = self._store.add(job)
            if accepted.id == job.id:  # not an older one, which is further on
                self._spool.accept(job.id)
                self._updates.publish(job)  # here, so that its start comes after it
        self._running.stir()
        return accepted

    def check_open(self) -> None:
        """Raise QueueDraining if the queue takes nothing more."""
        if self._is_stopping:
            raise QueueDraining("The daemon is stopping.", "Submit again when it is back.")
        self.pause.check_open()

    def cancel(self, job: str) -> None:
        """Stop it, at once or after its next batch, and publish its end; JobEnded if it ended."""
        if self._running.cancel(job):  # without a wait for the disk
            return
        with self._moves:
            if self._running.cancel(job):  # begun meanwhile
                return
            found = self._store.get(job)
            if found is None or found.is_ended:
                words = f"{found} already." if found else f"Job {job} is gone."
                raise JobEnded(words, "There is nothing left to cancel.")
            ended = self._put(cancelled(found))
            self._running.forget(job)
        self._show(ended)

    def end_waiting(self, job: Job, end: Callable[[Job], Job]) -> None:
        """End a job that is not to be begun any more, if it still waits."""
        with self._moves:
            found = self._store.get(job.id)
            if found is None or found.state is not State.QUEUED:
                return
            ended = self._put(end(found))
            self._running.forget(job.id)
        self._show(ended)

    def hold(self, reason: str) -> None:
        """Take nothing more and start nothing more, until `resume`; restarts do not end it."""
        with self._moves:
            self.pause.hold(reason)

    def resume(self) -> None:
        """End a hold."""
        with self._moves:
            self.pause.resume()
        self._running.stir()

    @property
    def paused(self) -> str:
        """Why nothing is started for now, in a sentence; empty while the queue goes on."""
        return "The daemon is stopping." if self._is_stopping else self.pause.reason

    def close(self) -> None:
        """Take nothing more: `run` returns once the running jobs have ended."""
        with self._moves:
            self._is_stopping = True
        self._running.stir()

    def stop(self, timeout: float) -> None:
        """Put the running jobs back into the queue, after their next batch or so many seconds.

        Call it after `close`. The render threads are not to be waited for then.
        """
        for job in self._running.end_all(timeout):
            self._give_back(job)

    def _give_back(self, job: str) -> None:
        """Queue the job again while its render still hangs; else the next life does."""
        with self._moves:
            try:
                if (found := self._store.get(job)) and found.state is State.RUNNING:
                    self._show(self._put(requeued(found)))
            except StorageError as error:
                self.pause.tell(error)
            self._running.remove(job)

    @property
    def is_idle(self) -> bool:
        """No job is running."""
        return not self._running

    def run(self, renderer: Renderer) -> None:
        """Start job after job until closed, as long as there is something to render on.

        What has to end the daemon comes out, DeviceLost above all; its jobs stay running.
        """
        with self._heartbeat.passed_on():
            while not (self._is_stopping and self.is_idle):
                self._turn(renderer)

    def _turn(self, renderer: Renderer) -> None:
        """Start the next job; if none may start for now, wait until something has changed."""
        if self._broken:
            raise self._broken
        renderer.check()
        self._heartbeat.beat()
        with self._heartbeat.waiting_for_disk():
            attempt = self._taken()
        if attempt:
            self._start(attempt, renderer.render)
        else:
            self._running.wait(min(RETRY_SECONDS, self._heartbeat.pause or RETRY_SECONDS))

    def _taken(self) -> Attempt | None:
        """The attempt of the first job of the line, if it can be started."""
        with self._moves:
            if self.pause.blocks() or self._is_stopping:
                return None
            try:
                job = self._begun()
            except StorageError as error:
                self.pause.tell(error)
                return None
            if job is None:
                return None
            attempt = Attempt(job, self._spool, self._updates, self.pause, self._live_config)
            return self._running.add(attempt)

    def _begun(self) -> Job | None:
        """The first job of the line, now running, if it may beside those that do; else one of them
        is to give way to it, if that is fair."""
        head = self.positions.head(self._running.jobs)
        if head is None:
            self._running.give_way(self.positions.giving_way(self._running.turns))
            return None
        if head.id in self._running:
            return None  # of its own attempt the return to the queue is not shown yet
        if job := self._store.begin(head.id):
            self.positions.served(head.user)
        return job

    def _start(self, attempt: Attempt, render: Render) -> None:
        self._updates.publish(attempt.job)
        name = f"render-{attempt.job.id}"
        threading.Thread(target=self._live, args=[attempt, render], name=name, daemon=True).start()

    def _live(self, attempt: Attempt, render: Render) -> None:
        """The thread of an attempt."""
        try:
            self._settle(attempt, attempt.to_end(render))
        except LipsyncError as error:
            self._break(error)
        except BaseException as error:
            broken = InternalError(f"A render broke the queue: {error}.", "Read the log.")
            broken.__cause__ = error
            self._break(broken)

    def _break(self, error: LipsyncError) -> None:
        self._broken = self._broken or error
        self._running.stir()

    def _settle(self, attempt: Attempt, job: Job) -> None:
        """Record and tell how the job ended, show it, and be free; unless `stop` was faster."""
        while self._running.has(attempt):
            if attempt.verdict is State.CANCELLED and not job.is_ended:
                job = cancelled(attempt.job)  # on its way back to the queue
            if recorded := self._recorded(job):
                job = recorded
                if job.state is State.SUCCEEDED:
                    self.positions.ended(job)
                if attempt.has_had_turn:
                    self.positions.served(job.user)
                self._show(job, attempt)
                self._running.leave(attempt, job)
            else:
                time.sleep(RETRY_SECONDS)  # for an operator, while the queue is alive

    def _recorded(self, job: Job) -> Job | None:
        """The job as it was written to the store; None if that could not be."""
        with self._moves:
            try:
                return self._put(job) if job.id in self._running else None
            except StorageError as error:
                self.pause.tell(error)
                return None

    def _put(self, job: Job) -> Job:
        """The job as it is recorded, with what its files take from now on.  Raises StorageError."""
        job = replace(job, spool_bytes=self._spool.bytes_of(job.id, KEPT[job.state]))
        self._store.put(job)
        return job

    def _show(self, job: Job, attempt: Attempt | None = None) -> None:
        """The files first, so that whoever learns of an end finds them as they stay."""
        if job.is_ended or not (attempt and attempt.has_had_turn):  # turns are no news
            tell(job, attempt.cause if attempt else None)
        self._spool.tidy(job.id, job.state)
        self._updates.publish(job)
