"""An attempt: one job's render, from its first step to how it ended."""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

from lipsyncd.config import LiveConfig
from lipsyncd.errors import DeviceLost, DiskFull, InternalError, LipsyncError, StorageError
from lipsyncd.protocol.job import MAX_ATTEMPTS, Job, Progress
from lipsyncd.protocol.state import State
from lipsyncd.queue.givingway import Turn
from lipsyncd.queue.pause import Pause
from lipsyncd.queue.renderer import Render, TurnOver
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.transitions import (
    cancelled,
    expired,
    failed,
    interrupted,
    overdue,
    requeued,
    succeeded,
    turned,
)
from lipsyncd.queue.updates import Updates
from lipsyncd.system.catalog import JOB_CONTINUED, JOB_STARTED, emit
from lipsyncd.system.clock import now
from lipsyncd.system.disk import disk_named

SLOW = "It was rendered for longer than its max_runtime of {:g} s."
TOO_SLOW = "It was rendered for longer than the {} s that the operator allows."
ASK = "Submit a shorter voice, or ask the operator for more time."


class Attempt:
    """A job that is being rendered.

    `verdict` may be set from any thread to end it after the next batch: to CANCELLED, or to QUEUED,
    which means another time.  `gives_way` ends it with the part that it is at.  `job` is the job
    with its progress.
    """

    def __init__(
        self, job: Job, spool: Spool, updates: Updates, pause: Pause, live_config: LiveConfig
    ) -> None:
        self.job = job
        self.verdict: State | None = None
        self.gives_way = False
        self.has_had_turn = False  # this one has ended in a turn for another job
        self.cause: Exception | None = None  # what broke, if that was our fault
        self._spool = spool
        self._updates = updates
        self._pause = pause
        self._live_config = live_config
        self._is_continued = False  # the journal knows that it goes on from an earlier attempt
        self.spent = 0.0  # seconds in turns before this one
        self._begun = time.monotonic()
        # by a clock that nobody sets
        self._left = None if job.expires_at is None else job.expires_at - now()

    @property
    def seconds(self) -> float:
        """How long it has been rendered, in all its turns."""
        return self.spent + self.turn.seconds

    @property
    def turn(self) -> Turn:
        """Its turn so far."""
        job = self.job
        return Turn(job.id, job.user, job.priority, time.monotonic() - self._begun)

    def to_end(self, render: Render) -> Job:
        """The job as its render left it; DeviceLost if the device is gone."""
        self._tell_start()
        try:
            with disk_named():
                return self._finished(render)
        except DeviceLost:
            raise
        except TurnOver:
            self.has_had_turn = True
            return turned(self.job)
        except StorageError as error:
            return self._put_off(error)
        except LipsyncError as error:
            return failed(self.job, error, self.seconds)
        except Exception as error:
            self.cause = error
            broken = InternalError("The render broke.", "Ask the operator to read the log.")
            return failed(self.job, broken, self.seconds)

    def _put_off(self, error: StorageError) -> Job:
        """Another time, since the disk may work again; but not without end."""
        if not self._pause.has_room():
            return requeued(self.job)  # others took it
        if isinstance(error, DiskFull) or self.job.attempts >= MAX_ATTEMPTS:
            return failed(self.job, error, self.seconds)  # the room is there until it is rendered
        self._pause.tell(error)  # until the disk has been seen to work
        return interrupted(self.job)

    def _finished(self, render: Render) -> Job:
        job, options = self.job.id, self.job.options
        counts, is_redo = (len(options.places), options.pictures), self.job.redo_of is not None
        paths = self._spool.paths(job, *counts, is_redo=is_redo)
        steps = render(options, replace(paths, user=self.job.user), lambda: not self.gives_way)
        if ended := self._followed(steps):
            return ended
        return succeeded(self.job, self._spool.seal(job), self.seconds)

    def _followed(self, steps: Generator[Progress, None, None]) -> Job | None:
        """Iterate the render to its end, or to a verdict: the job then."""
        with closing(steps):
            for step in steps:
                self._goes_on(step)
                self.job = self._with(step)
                self._updates.publish(self.job)
                if ended := self._judged():
                    return ended
        return None

    def _judged(self) -> Job | None:
        """The job as it ends now, if somebody or its own terms say so."""
        if self.verdict is State.CANCELLED:
            return cancelled(self.job)
        if self.verdict is State.QUEUED:
            return requeued(self.job)
        if self._left is not None and self.turn.seconds > self._left:
            return overdue(self.job)
        if self.job.max_runtime is not None and self.seconds > self.job.max_runtime:
            return expired(self.job, SLOW.format(self.job.max_runtime))
        if self.seconds > (most := self._live_config.config.limits.max_runtime_seconds):
            return expired(self.job, TOO_SLOW.format(most), ASK)
        return None

    def _with(self, step: Progress) -> Job:
        """The job as far as it is now."""
        fps = round((step.done - step.kept) / max(self.turn.seconds, 1e-9), 2)
        job, done, total = self.job, step.done, step.total
        return replace(job, done=done, total=total, faces=step.faces, notes=step.notes, fps=fps)

    def _goes_on(self, step: Progress) -> None:
        """Tell the journal once that what an earlier attempt has made is used."""
        if step.kept and not self.spent and not self._is_continued:
            self._is_continued = True
            text = "job %s: goes on after %d of %d frames"
            emit(JOB_CONTINUED, text, self.job.id, step.kept, step.total, job=self.job)

    def _tell_start(self) -> None:
        if self.spent:  # one turn of many
            return
        waited = (self.job.started_at or 0.0) - self.job.created_at
        text = "job %s: rendering, attempt %d"
        job, wait = self.job, round(1000 * waited)
        emit(JOB_STARTED, text, job.id, job.attempts, job=job, WAIT_MS=wait)
