"""The running attempts, and word of every change; nothing here waits for the disk."""

import threading

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.attempt import Attempt
from lipsyncd.queue.givingway import Turn


class Running:
    """The attempts by their job, from when it is begun until its end is shown; for every thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._attempts: dict[str, Attempt] = {}
        self._is_stirred = False
        self._spent: dict[
            str, float
        ] = {}  # seconds in turns before, of jobs that wait for the next

    def __len__(self) -> int:
        return len(self._attempts)

    def __contains__(self, job: str) -> bool:
        return job in self._attempts

    @property
    def jobs(self) -> list[Job]:
        """Their jobs, with their progress."""
        with self._changed:
            return [attempt.job for attempt in self._attempts.values()]

    @property
    def turns(self) -> list[Turn]:
        """How long each has been rendered at a stretch."""
        with self._changed:
            return [attempt.turn for attempt in self._attempts.values()]

    def give_way(self, job: str | None) -> None:
        """This job is to end its turn with the part that it is at; no other is, any more."""
        with self._changed:
            for name, attempt in self._attempts.items():
                attempt.gives_way = name == job

    def add(self, attempt: Attempt) -> Attempt:
        """One more, which is returned."""
        with self._changed:
            attempt.spent = self._spent.pop(attempt.job.id, 0.0)
            return self._attempts.setdefault(attempt.job.id, attempt)

    def forget(self, job: str) -> None:
        """The job has ended while it waited for its next turn."""
        with self._changed:
            self._spent.pop(job, None)

    def has(self, attempt: Attempt) -> bool:
        """Whether it is this one that runs, not another of the same job."""
        return self._attempts.get(attempt.job.id) is attempt

    def cancel(self, job: str) -> bool:
        """Whether the job runs, and so ends after its next batch."""
        with self._changed:
            if attempt := self._attempts.get(job):
                attempt.verdict = State.CANCELLED
        return attempt is not None

    def end_all(self, timeout: float) -> list[str]:
        """Send all back after their next batch; the jobs that run still after so many seconds."""
        with self._changed:
            for attempt in self._attempts.values():
                attempt.verdict = attempt.verdict or State.QUEUED
            self._changed.wait_for(lambda: not self._attempts, timeout)
            return list(self._attempts)

    def leave(self, attempt: Attempt, job: Job) -> None:
        """The attempt is over, unless its job was cancelled on its way back to the queue."""
        with self._changed:
            if job.is_ended or attempt.verdict is not State.CANCELLED:
                if attempt.has_had_turn and not job.is_ended:
                    self._spent[job.id] = attempt.seconds
                self.remove(job.id)

    def remove(self, job: str) -> None:
        """The attempt is over."""
        with self._changed:
            self._attempts.pop(job, None)
            self.stir()

    def stir(self) -> None:
        """Something changed."""
        with self._changed:
            self._is_stirred = True
            self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Until something has changed since the last wait, or for so many seconds; one may wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stirred, timeout)
            self._is_stirred = False
