"""The line as people arrange it: a job is held, let go, or moved among those of its user."""

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.rows import UPDATE, job_by_id, jobs_of, row_of
from lipsyncd.system.clock import now

# those whose places a user may exchange: what is nobody else's loss
ALIKE = "state = 'queued' AND held = 0 AND owner = ? AND label = ? AND priority = ?"
MOST_DEEDS = 100  # of a job that are kept, the newest ones
FORGOTTEN = "SELECT rowid FROM deeds WHERE job = ?1 ORDER BY rowid DESC LIMIT -1 OFFSET ?2"


@dataclass(frozen=True)
class Deed:
    """What somebody, by the uid, did to a job that waited: it was held, released or moved."""

    at: float
    what: str
    uid: int


class Line:
    """Every method is one transaction, from any thread, and gives the job as it is then; None if it
    does not wait.  `uid` is who wants it.  A StorageError leaves everything as it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, job: str, uid: int) -> Job | None:
        """It is not begun until it is let go; its deadline stays."""

        def held(_: sqlite3.Connection, found: Job) -> Job:
            return replace(found, held=True)

        return self._changed(job, Deed(now(), "held", uid), held)

    def release(self, job: str, uid: int) -> Job | None:
        """If it was held it comes into the line anew, at its end: being held makes no older."""

        def released(_: sqlite3.Connection, found: Job) -> Job:
            return replace(found, held=False, queued_at=now()) if found.held else found

        return self._changed(job, Deed(now(), "released", uid), released)

    def move(self, job: str, uid: int, to: str, before: str = "") -> Job | None:
        """It is the `first` or the `last` of its user's with its priority, or comes right `before`
        another one of these; None also if it, or that one, is held or not in this line.

        They exchange their places, so nobody's job waits longer for it who is somebody else.
        """

        def moved(db: sqlite3.Connection, found: Job) -> Job | None:
            which = f"WHERE {ALIKE} ORDER BY queued_at, sequence"
            alike = jobs_of(db, which, *found.user, str(found.priority))
            others = [each for each in alike if each.id != job]
            places = {each.id: at for at, each in enumerate(others)}
            at = {"first": 0, "last": len(others)}.get(to, places.get(before))
            if found.held or at is None:
                return None
            _exchange(db, [*others[:at], found, *others[at:]], alike)
            return job_by_id(db, job)

        return self._changed(job, Deed(now(), "moved", uid), moved)

    def held(self) -> int:
        """How many jobs are held."""
        with self._database.transaction() as db:
            query = "SELECT count(*) FROM jobs WHERE state = 'queued' AND held = 1"
            return int(db.execute(query).fetchone()[0])

    def deeds(self, job: str) -> list[Deed]:
        """What was done to a job while it waited, the newest hundred, the oldest first."""
        query = "SELECT at, what, uid FROM deeds WHERE job = ? ORDER BY rowid"
        with self._database.transaction() as db:
            return [Deed(*row) for row in db.execute(query, (job,))]

    def _changed(
        self, job: str, deed: Deed, change: Callable[[sqlite3.Connection, Job], Job | None]
    ) -> Job | None:
        """The job after a change, which is noted if it was one."""
        with self._database.transaction() as db:
            found = job_by_id(db, job)
            if found is None or found.state is not State.QUEUED:
                return None
            changed = change(db, found)
            if changed and changed != found:
                db.execute(UPDATE, row_of(changed))
                db.execute("INSERT INTO deeds VALUES (?, ?, ?, ?)", (job, *astuple(deed)))
                db.execute(f"DELETE FROM deeds WHERE rowid IN ({FORGOTTEN})", (job, MOST_DEEDS))
            return changed


def _exchange(db: sqlite3.Connection, wanted: Sequence[Job], before: Sequence[Job]) -> None:
    """The jobs in another order, at the moments at which those `before` came into the line."""
    at = -math.inf
    for job, place in zip(wanted, before, strict=True):
        at = max(place.queued_at, math.nextafter(at, math.inf))  # two may have come at one moment
        db.execute("UPDATE jobs SET queued_at = ? WHERE id = ?", (at, job.id))
