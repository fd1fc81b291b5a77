"""What a host of the farm does all the time: it says that it is there, and keeps what it holds.

One thread speaks with Redis and one with the daemon, so that neither waits for the other; one
sweeps the store.  Jobs come in Celery's threads, by `take`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery

from lipsyncd import __version__
from lipsyncd.errors import (
    HostExhausted,
    InvalidRequest,
    LipsyncError,
    ServerUnreachable,
    StorageError,
)
from lipsyncfarm import tickets
from lipsyncfarm.alike import Alike
from lipsyncfarm.broker import named
from lipsyncfarm.ending import STOP
from lipsyncfarm.holding import Holding
from lipsyncfarm.local import LocalJob, Tools
from lipsyncfarm.record import Taken
from lipsyncfarm.shares import Cut
from lipsyncfarm.spec import Spec, check_id
from lipsyncfarm.sweep import sweep

log = logging.getLogger(__name__)

SECOND, HOUR = 1.0, 3600.0
LONGEST_PAUSE = 60.0  # seconds in which a host that keeps failing takes nothing
MOST_TICKETS = 100  # that are replaced at once
SILENCE = 30.0  # seconds with tickets and room, but none taken: the consumer is broken


class Bridge:
    """One host's part in the farm."""

    def __init__(self, tools: Tools, app: Celery) -> None:
        self.tools = tools
        self.app = app
        self.stopping = threading.Event()
        self._holdings: dict[str, Holding] = {}
        self._lock = threading.Lock()
        self._alike = Alike(tools)
        self._report: dict[str, Any] = {}  # the daemon's health, empty if it does not answer
        self._problem: LipsyncError | None = None
        self._failures, self._paused_until = 0, 0.0
        self._came = time.monotonic()  # when there was a ticket, or no need of one
        self._missing = 0

    def start(self) -> None:
        """Go on with the jobs of an earlier life, and begin to be there."""
        holdings = [self._holding(taken) for taken in self.tools.held.held()]
        with suppress(LipsyncError):
            self._beat()  # so they know whether they are still ours
        for holding in holdings:
            threading.Thread(target=self._hold, args=[holding], daemon=True).start()
        self._look()
        for act, pause in ((self._beat, self._interval), (self._look, SECOND), (self._sweep, HOUR)):
            threading.Thread(target=self._repeat, args=[act, pause], daemon=True).start()

    def stop(self) -> None:
        """Take nothing more, give back what has not begun; what runs goes on at the daemon."""
        self.stopping.set()
        with self._lock:
            for holding in self._holdings.values():
                holding.tell(STOP)

    def has_room(self) -> bool:
        """Whether a job that is taken now would begin here at once."""
        report = self._report
        is_willing = report.get("ready") and not report.get("paused") and not report.get("queued")
        is_free = self._busy < self.tools.farm.slots
        is_up = not self.stopping.is_set() and time.monotonic() >= self._paused_until
        return bool(is_willing and is_free and is_up)

    def take(self) -> None:
        """What a ticket is for: the next job, if there is one and room for it, to its end here."""
        self._came, take = time.monotonic(), self.tools.record.take
        try:
            with self._lock:
                if not self.has_room() or not (taken := take(self._alike.fingerprint)):
                    return
                holding = self._begun(taken)
        except InvalidRequest as error:  # the fault of who handed it in, not of this host
            log.warning("what was taken is no job: %s", error)
        except LipsyncError as error:
            log.warning("nothing could be taken: %s", error)
            self._note(error)
        else:
            self._hold(holding)

    @property
    def _interval(self) -> float:
        return min(SECOND, self.tools.farm.lease_seconds / 5)

    @property
    def _busy(self) -> int:
        """How many jobs are rendered here, or will be at once."""
        return sum(not each.is_led for each in list(self._holdings.values()))

    def _is_drained(self) -> bool:
        return bool(self._report.get("paused"))

    def _cut_of(self, id: str, frames: int) -> Cut | None:
        """Into which shares so many frames of a job are cut; this host leads no more jobs than it
        has slots."""
        if len(self._holdings) - self._busy >= self.tools.farm.slots:
            return None
        with suppress(ServerUnreachable, StorageError):  # without Redis nobody can be asked
            return self._alike.cut_of(id, frames)
        return None

    def _holding(self, taken: Taken) -> Holding:
        holding = Holding(self.tools, taken, self._is_drained, self._cut_of)
        self._holdings[taken.id] = holding
        return holding

    def _begun(self, taken: Taken) -> Holding:
        """A job that was just taken; one that is none has failed, one that cannot be kept is not.

        Raises InvalidRequest, StorageError.
        """
        record = self.tools.record
        try:
            check_id(taken.id)
            holding = self._holding(taken)
            self.tools.held.keep(taken)
            return holding
        except InvalidRequest as error:
            record.finish(taken.id, taken.fence, "failed", error=error.as_map())
            raise
        except StorageError:
            self._holdings.pop(taken.id)
            record.back(taken.id, taken.fence)
            raise

    def _hold(self, holding: Holding) -> None:
        problem = holding.run()
        with self._lock:
            self._holdings.pop(holding.taken.id, None)
        self._note(problem)

    def _note(self, problem: LipsyncError | None) -> None:
        """A host that keeps failing takes less and less."""
        self._failures = self._failures + 1 if problem else 0
        self._problem = problem
        if problem:
            pause = min(2.0 ** min(self._failures, 10) / 2, LONGEST_PAUSE)
            self._paused_until = time.monotonic() + pause

    def _repeat(self, act: Callable[[], None], pause: float) -> None:
        while not self.stopping.is_set():
            try:
                act()
            except LipsyncError as error:
                self._came = time.monotonic()  # without Redis Celery can take nothing
                log.warning("%s", error)
            except Exception:
                log.exception("a mistake of ours")
            self.stopping.wait(pause)

    def _beat(self) -> None:
        """Leases are renewed first, then this host told, then tickets counted."""
        record = self.tools.record
        with self._lock:
            holdings = list(self._holdings.values())
        for holding in holdings:
            taken = holding.taken
            said = record.renew(taken.id, taken.fence, holding.progress)
            if said == "gone":
                said = record.restore(taken, holding.spec)
            if said != "held":
                holding.tell(said)
        queued, lost = record.beat(self._info(holdings))
        if lost:
            log.warning("%d jobs of hosts that are silent are queued again", lost)
        self._replace_tickets(queued)

    def _info(self, holdings: list[Holding]) -> dict[str, Any]:
        report, now = self._report, time.monotonic()
        rate = sum((each.progress or {}).get("fps") or 0 for each in holdings)
        return {
            "state": "unreachable" if not report else report["state"],
            "paused": report.get("paused") or "",
            "device": report.get("device") or "",
            "jobs": self._busy,
            "slots": self.tools.farm.slots,
            "rate": rate,
            "still": round(max((now - each.moved_at for each in holdings), default=0.0)),
            "version": __version__,
            "fingerprint": self._alike.fingerprint,
            "problem": self._problem.message if self._problem else "",
        }

    def _replace_tickets(self, queued: int) -> None:
        """There are as many as queued jobs; fewer twice in a row means that some were lost."""
        farm = self.tools.farm
        with named(farm):
            there: Any = self.tools.record.client.llen(farm.prefix + tickets.QUEUE)
        missing, before = queued - there, self._missing
        self._missing = max(missing, 0)
        if missing > 0 and before > 0:
            tickets.send(self.app, min(missing, before, MOST_TICKETS))
        if not there or not self.has_room():
            self._came = time.monotonic()
        elif time.monotonic() > self._came + SILENCE:
            log.critical("there are tickets and room, and Celery takes none: starting anew")
            os._exit(HostExhausted.code)

    def _look(self) -> None:
        """At the daemon; and what it is to forget, it does now."""
        try:
            self._report = self.tools.client.health()
        except LipsyncError:
            self._report = {}
            return
        with suppress(LipsyncError):
            self._alike.look()
        for taken in self.tools.held.left():
            with suppress(LipsyncError):
                LocalJob(self.tools, taken, Spec.loads(taken.spec)).forget()

    def _sweep(self) -> None:
        sweep(self.tools.record, self.tools.store, HOUR * self.tools.farm.keep_hours)
