"""The line as people arrange it: a job is held, let go, or moved among those of its user."""

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.rows import UPDATE, job_by_id, jobs_of, row_of
from lipsyncd.system.clock import now

# those whose places a user may exchange: what is nobody else's loss
ALIKE = "state = 'queued' AND held = 0 AND owner = ? AND label = ? AND priority = ?"


class Line:
    """Every method is one transaction, from any thread, and gives the job as it is then; None if it
    does not wait.  A StorageError leaves everything as it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, job: str) -> Job | None:
        """It is not begun until it is let go; its deadline stays."""
        return self._changed(job, lambda found: replace(found, held=True))

    def release(self, job: str) -> Job | None:
        """If it was held it comes into the line anew, at its end: being held makes no older."""
        return self._changed(
            job, lambda found: replace(found, held=False, queued_at=now()) if found.held else found
        )

    def move(self, job: str, is_first: bool) -> Job | None:
        """It is the first or the last of its user's with its priority; None also if it is held.

        They exchange their places, so nobody's job waits longer for it who is somebody else.
        """
        with self._database.transaction() as db:
            found = job_by_id(db, job)
            if found is None or found.state is not State.QUEUED or found.held:
                return None
            alike = jobs_of(
                db, f"WHERE {ALIKE} ORDER BY queued_at, sequence", *found.user, str(found.priority)
            )
            others = [each for each in alike if each.id != job]
            _exchange(db, [found, *others] if is_first else [*others, found], alike)
            return job_by_id(db, job)

    def held(self) -> int:
        """How many jobs are held."""
        with self._database.transaction() as db:
            query = "SELECT count(*) FROM jobs WHERE state = 'queued' AND held = 1"
            return int(db.execute(query).fetchone()[0])

    def _changed(self, job: str, change: Callable[[Job], Job]) -> Job | None:
        with self._database.transaction() as db:
            found = job_by_id(db, job)
            if found is None or found.state is not State.QUEUED:
                return None
            changed = change(found)
            db.execute(UPDATE, row_of(changed))
            return changed


def _exchange(db: sqlite3.Connection, wanted: Sequence[Job], before: Sequence[Job]) -> None:
    """The jobs in another order, at the moments at which those `before` came into the line."""
    at = -math.inf
    for job, place in zip(wanted, before, strict=True):
        at = max(place.queued_at, math.nextafter(at, math.inf))  # two may have come at one moment
        db.execute("UPDATE jobs SET queued_at = ? WHERE id = ?", (at, job.id))
