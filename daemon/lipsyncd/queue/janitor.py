"""The janitor: a thread that keeps the time, ends what waits in vain, and removes what is over."""

import logging
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from lipsyncd.errors import StorageError
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.retention import Retention
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import forsaken, overdue
from lipsyncd.queue.updates import Subscription, Updates
from lipsyncd.system.catalog import CLOCK_SET, emit
from lipsyncd.system.clock import Moment, adopt, now, this_moment

NOTE = "clock"  # in the store: how the clock was set, over restarts
LONGEST = 5.0  # seconds between two rounds: nobody tells when the clock is set
SHORTEST = 0.1  # should a round not end what it was for
GATHERING = 1.0  # seconds after an end: others may follow, and one round does for all

log = logging.getLogger(__name__)


class Janitor:
    """Makes its rounds: soon after a job has ended, when one's time is over, and anyway often.

    A round that goes wrong is logged, and the next one is made nevertheless.
    """

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        retention: Retention,
        updates: Updates,
        moment: Callable[[], Moment] = this_moment,
    ) -> None:
        """`moment` reads the clocks."""
        self._store = store
        self._scheduler = scheduler
        self._retention = retention
        self._updates = updates
        self._moment = moment
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # not at the stop: a session may stir after it
        weakref.finalize(self, os.close, self._bell)
        self._is_over = False
        self._faults: set[str] = set()  # of the disk, in this round
        self._told: set[str] = set()  # those of the round before
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)
        self._subscribed = ExitStack()

    def start(self) -> None:
        """Make rounds from now on; it learns of all that changes from here on."""
        self._news = self._subscribed.enter_context(self._updates.subscribe(None))
        self._thread.start()

    def stop(self) -> None:
        """Make no more; a round that has begun is cut short after the job that it is at."""
        self._is_over = True
        self.stir()
        self._thread.join()

    def stir(self) -> None:
        """Make a round now."""
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        with self._subscribed:
            while not self._is_over:
                self._wait(self._news, self._round())

    def _wait(self, subscription: Subscription, seconds: float) -> None:
        """Until a round is due: after so many seconds, or sooner for what happened meanwhile."""
        due = time.monotonic() + seconds
        poll = select.poll()
        for each in (subscription.fileno(), self._bell):
            poll.register(each, select.POLLIN)
        while (left := due - time.monotonic()) > 0:
            ready = [descriptor for descriptor, _ in poll.poll(1000 * left)]
            if self._bell in ready:
                os.eventfd_read(self._bell)
                return
            if job := subscription.take():
                due = min(due, time.monotonic() + due_in(job))

    def _round(self) -> float:
        """All that is due; the seconds to the next round."""
        self._told, self._faults = self._faults, set()
        seconds = LONGEST
        with self._duty():
            now = self.keep_time()
            with self._duty():
                seconds = self._expire(now)
            with self._duty():
                for job in self._store.forsaken():
                    self._scheduler.end_waiting(job, forsaken)
            with self._duty():
                self._retention.apply(now, lambda: not self._is_over)
        return seconds

    @contextmanager
    def _duty(self) -> Iterator[None]:
        """What goes wrong in here is told, if it is the disk once, and keeps from nothing else."""
        try:
            yield
        except StorageError as error:
            if error.name not in self._told | self._faults:
                log.warning("janitor: %s %s", error.message, error.hint)
            self._faults.add(error.name)
        except Exception:
            log.exception("janitor: a round broke, and is made again in %g s", LONGEST)

    def keep_time(self) -> float:
        """The unix time, with that of all jobs moved along if the clock was set."""
        moment = self._moment()
        noted = self._store.note(NOTE)
        seconds, note = moment.jump(noted)
        if seconds:
            self._store.shift(seconds, NOTE, note)
            text = "clock: set %s by %.1f s, and the times of all jobs with it"
            way = "forward" if seconds > 0 else "back"
            emit(CLOCK_SET, text, way, abs(seconds), SECONDS=round(seconds))
        elif note != noted:
            self._store.set_note(NOTE, note)
        adopt(moment)
        return moment.wall

    def _expire(self, now: float) -> float:
        """End the jobs whose deadline passed while they waited; the seconds to the next one's."""
        for job in self._store.overdue(now):
            if self._is_over:
                break
            self._scheduler.end_waiting(job, overdue)
        deadline = self._store.next_deadline()
        return LONGEST if deadline is None else min(LONGEST, max(SHORTEST, deadline - now))


def due_in(job: Job) -> float:
    """The seconds after which the job wants a round, now that it has come to be as it is."""
    if job.state is State.QUEUED and job.expires_at is not None:
        return job.expires_at - now()
    return GATHERING if job.is_ended or job.after else LONGEST
