"""Takes jobs from the queue to their renders, as many at once as there may be; cancel and drain."""

import threading
import time

from lipsyncd.config import LiveConfig
from lipsyncd.errors import InternalError, JobEnded, LipsyncError, QueueDraining, StorageError
from lipsyncd.protocol.job import Job, State
from lipsyncd.queue.attempt import OVERDUE, Attempt
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.positions import Positions
from lipsyncd.queue.renderer import Render, Renderer
from lipsyncd.queue.selftest import warm_interval
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import cancelled, expired, requeued, tell
from lipsyncd.queue.updates import Updates
from lipsyncd.system.native import give_back_memory
from lipsyncd.system.watchdog import Heartbeat, Life

RETRY_SECONDS = 2.0  # between attempts to write to a disk that is full


class Scheduler:
    """The queue's life: `enqueue` and `cancel` from sessions, `run` in the render thread."""

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
        self._changed = threading.Condition()
        self._attempts: dict[str, Attempt] = {}
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
                self._updates.publish(job)
            self._changed.notify_all()
            return accepted

    def check_open(self) -> None:
        """Raise QueueDraining if the queue takes nothing more."""
        if self._is_stopping:
            raise QueueDraining("The daemon is stopping.", "Submit again when it is back.")
        self.pause.check_open()

    def cancel(self, job: str) -> None:
        """Stop the job, at once if it waits, else after its next batch; JobEnded if it ended.

        The end is published.
        """
        with self._changed:
            if attempt := self._attempts.get(job):
                attempt.verdict = State.CANCELLED
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

    def stop(self, timeout: float) -> None:
        """Put the running jobs back into the queue, after their next batch or so many seconds.

        Call it after `close`. The render threads are not to be waited for then.
        """
        with self._changed:
            for attempt in self._attempts.values():
                attempt.verdict = attempt.verdict or State.QUEUED
            self._changed.wait_for(lambda: self.is_idle, timeout)
            for job in list(self._attempts):
                self._give_back(job)

    def _give_back(self, job: str) -> None:
        """Queue the job again while its render still hangs; else the next life does."""
        try:
            if (found := self._store.get(job)) and not found.is_ended:
                self._end(requeued(found))
        except StorageError as error:
            self.pause.tell(error)
        del self._attempts[job]

    @property
    def _is_full(self) -> bool:
        return len(self._attempts) >= self._live_config.config.render.max_active

    @property
    def is_idle(self) -> bool:
        """No job is running."""
        return not self._attempts

    def run(self, renderer: Renderer) -> None:
        """Start job after job until closed, as long as there is something to render on.

        What has to end the daemon comes out, DeviceLost above all; its jobs stay running.
        """
        with self._heartbeat.life() as life:
            while not (self._is_stopping and self.is_idle):
                renderer.check()
                life.beat()
                if attempt := self._next():
                    self._start(attempt, renderer.render)

    def _next(self) -> Attempt | None:
        """The attempt of the next job; None if none may start for now."""
        with self._changed:
            due = time.monotonic() + self._tick()
            while (left := due - time.monotonic()) > 0:
                if self._broken:
                    raise self._broken
                if self._is_stopping and self.is_idle:
                    return None
                if job := self._taken():
                    attempt = Attempt(
                        job, self._spool, self._updates, self.pause, self._live_config
                    )
                    return self._attempts.setdefault(job.id, attempt)
                self._changed.wait(min(left, RETRY_SECONDS))
        return None

    def _tick(self) -> float:
        """The seconds until the queue has to prove that it is alive, or the device when idle."""
        seconds = self._live_config.config.warm_interval_seconds
        interval = warm_interval(seconds, self._heartbeat.timeout)
        return interval if self.is_idle else min(interval, self._heartbeat.pause or interval)

    def _taken(self) -> Job | None:
        """The first job of the line, if it can be started and is written down as running."""
        if self.pause.blocks() or self._is_stopping or self._is_full:
            return None
        if any(attempt.job.crashes for attempt in self._attempts.values()):
            return None  # a suspect runs alone
        try:
            head = self.positions.head(attempt.job.owner for attempt in self._attempts.values())
            if head is None or (head.crashes and self._attempts):
                return None
            job = self._store.begin(head.id)
        except StorageError as error:
            return self.pause.tell(error)
        self.positions.started(head.owner)
        return job

    def _start(self, attempt: Attempt, render: Render) -> None:
        self._updates.publish(attempt.job)
        name = f"render-{attempt.job.id}"
        threading.Thread(target=self._live, args=[attempt, render], name=name, daemon=True).start()

    def _live(self, attempt: Attempt, render: Render) -> None:
        """The thread of an attempt."""
        with self._heartbeat.life(attempt.job) as life:
            try:
                self._settle(attempt, attempt.to_end(render, life), life)
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

    def _settle(self, attempt: Attempt, job: Job, life: Life) -> None:
        """Record and tell how the job ended, show it, and be free; unless `stop` was faster."""
        with self._changed:
            while job.id in self._attempts and not self._is_recorded(job):
                if attempt.verdict is State.CANCELLED and not job.is_ended:
                    job = cancelled(attempt.job)  # while it waited to go back to the queue
                self._changed.wait(min(RETRY_SECONDS, self._tick()))
                life.beat()  # the queue is alive, and waits for an operator
            if job.id not in self._attempts:
                return
            if job.state is State.SUCCEEDED:
                self.positions.ended(job)
            del self._attempts[job.id]
            self._show(job, attempt.cause)
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
        self._updates.publish(job)
