"""The durable queue: every job and its state. What `add` returned from is never lost."""

import sqlite3
from typing import Any

from lipsyncd.errors import JobInterrupted
from lipsyncd.protocol.job import MAX_ATTEMPTS, Job, move, refuse_other
from lipsyncd.protocol.state import State
from lipsyncd.protocol.user import User
from lipsyncd.queue.order import Waiting
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.rows import INSERT, UPDATE, as_bytes, job_by_id, jobs_of, row_of
from lipsyncd.queue.store.usage import Files, Usage, files_in, first_kept_in, usage_in
from lipsyncd.queue.store.waiting import forsaken_in, heads_in, waiting_in, waiting_of
from lipsyncd.queue.transitions import interrupted
from lipsyncd.system.clock import now

BY_KEY = "WHERE owner = ? AND label = ? AND key = ?"
NOTE = "INSERT OR REPLACE INTO notes VALUES (?, ?)"
SHIFTED = {
    "jobs": ("created_at", "queued_at", "expires_at", "started_at", "ended_at", "fetched_at"),
    "happenings": ("at",),
    "deeds": ("at",),
}


class Store:
    """All jobs of this daemon, on disk. Every method is one transaction, from any thread.

    A StorageError leaves everything as it was.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job) -> Job:
        """Append the job to the queue, on disk for good.

        If its user has used its key already, that job comes back instead; KeyTaken if it was for
        something else.
        """
        with self._database.transaction() as db:
            row = row_of(job)
            unless_known = "ON CONFLICT (owner, label, key) WHERE key IS NOT NULL DO NOTHING"
            if db.execute(f"{INSERT} {unless_known}", row).rowcount:
                _happened(db, job)
                return job
            (known,) = jobs_of(db, BY_KEY, *job.user, row["key"])
        return refuse_other(known, job)

    def by_key(self, user: User, key: str) -> Job | None:
        """The job that this user submitted under this key."""
        with self._database.transaction() as db:
            return next(iter(jobs_of(db, BY_KEY, *user, as_bytes(key))), None)

    def get(self, job: str, owner: int | None = None) -> Job | None:
        """The job with this id, if it is this owner's (None: anybody's)."""
        with self._database.transaction() as db:
            return job_by_id(db, job, owner)

    def beginning(self, text: str, owner: int) -> list[str]:
        """The ids of this owner's jobs that begin with it: two of them, if there are more."""
        which = "owner = ?1 AND id >= ?2 AND id < ?2 || '~' ORDER BY id LIMIT 2"
        with self._database.transaction() as db:
            return [
                job for (job,) in db.execute(f"SELECT id FROM jobs WHERE {which}", (owner, text))
            ]

    def begin(self, job: str) -> Job | None:
        """The queued job, now running and its attempt counted; None if it no longer waits."""
        with self._database.transaction() as db:
            found = job_by_id(db, job)
            if found is None or found.state is not State.QUEUED or found.held:
                return None
            attempts = found.attempts + 1
            started = found.started_at or now()  # of the first of its turns
            begun = move(found, State.RUNNING, attempts=attempts, started_at=started)
            _write(db, begun)
            return begun

    def put(self, job: Job) -> None:
        """Write what has changed; ValueError if its state cannot follow the stored one."""
        with self._database.transaction() as db:
            stored = job_by_id(db, job.id)
            if stored is None or stored.is_ended:
                raise ValueError(f"the job {job.id} is not there to change")
            if stored.state is job.state:
                db.execute(UPDATE, row_of(job))
            else:
                move(stored, job.state)
                _write(db, job)

    def set_bytes(self, job: str, size: int) -> None:
        """What the job's files take in the spool."""
        with self._database.transaction() as db:
            db.execute("UPDATE jobs SET spool_bytes = ? WHERE id = ?", (size, job))

    def set_fetched(self, job: str) -> None:
        """Its owner has the result, now for the first time."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE jobs SET fetched_at = ? WHERE id = ? AND fetched_at IS NULL", (now(), job)
            )

    def recover(self) -> list[Job]:
        """Jobs an earlier life left running go back to the queue, until the MAX_ATTEMPTSth time."""
        with self._database.transaction() as db:
            left = jobs_of(db, "WHERE state = 'running' ORDER BY sequence")
            recovered = [_recovered(job) for job in left]
            for job in recovered:
                _write(db, job)
            return recovered

    def heads(self, now: float) -> list[Waiting]:
        """The oldest job of each user and priority that may be begun and has not expired."""
        with self._database.transaction() as db:
            return heads_in(db, now)

    def waiting(self) -> list[Waiting]:
        """The queued jobs that may be begun, as they came into the line."""
        with self._database.transaction() as db:
            queued = waiting_in(db)
        return [waiting_of(row) for row in queued]  # they may be many, and nobody else has to wait

    def forsaken(self) -> list[Job]:
        """The queued jobs that were to come after one that has ended without success."""
        with self._database.transaction() as db:
            return forsaken_in(db)

    def overdue(self, now: float) -> list[Job]:
        """The queued jobs whose deadline has passed."""
        with self._database.transaction() as db:
            return jobs_of(db, "WHERE state = 'queued' AND expires_at <= ?", now)

    def next_deadline(self) -> float | None:
        """The first deadline of a queued job."""
        deadlines = "FROM jobs WHERE state = 'queued' AND expires_at IS NOT NULL"
        found = self._value(f"SELECT min(expires_at) {deadlines}")
        return None if found is None else float(found)

    def count(self, state: State, owner: int | None = None) -> int:
        """How many jobs are in this state, of one user or in all."""
        of_owner = "?1 IS NULL" if owner is None else "owner = ?1"
        in_state = f"state = '{state}'"  # as the indices have it
        return int(self._value(f"SELECT count(*) FROM jobs WHERE {in_state} AND {of_owner}", owner))

    def unmeasured(self) -> list[str]:
        """The queued jobs of which nobody knows what their files take."""
        query = "SELECT id FROM jobs WHERE state = 'queued' AND spool_bytes = 0"
        with self._database.transaction() as db:
            return [job for (job,) in db.execute(query)]

    def usage(self) -> dict[User, Usage]:
        """What the jobs that have not ended take, by user."""
        with self._database.transaction() as db:
            return usage_in(db)

    def files(self) -> dict[User, Files]:
        """What the files of all jobs take, by user; of those who have some."""
        with self._database.transaction() as db:
            return files_in(db)

    def first_kept(self, user: User) -> float | None:
        """When the longest ended of this user's jobs that still have files has ended."""
        with self._database.transaction() as db:
            return first_kept_in(db, user)

    def states(self) -> dict[str, State]:
        """The state of every job, by id."""
        with self._database.transaction() as db:
            return {job: State(state) for job, state in db.execute("SELECT id, state FROM jobs")}

    def shift(self, seconds: float, name: str, value: str) -> None:
        """Move all times, as the clock was set by so much, and note that this is done."""
        with self._database.transaction() as db:
            for table, columns in SHIFTED.items():
                moved = ", ".join(f"{column} = {column} + ?1" for column in columns)
                db.execute(f"UPDATE {table} SET {moved}", (seconds,))
            db.execute(NOTE, (name, value))

    def note(self, name: str) -> str | None:
        """What was noted under this name."""
        found = self._value("SELECT max(value) FROM notes WHERE name = ?", name)
        return None if found is None else str(found)

    def set_note(self, name: str, value: str | None) -> None:
        """Note it for the next lives; None: forget it."""
        with self._database.transaction() as db:
            if value is None:
                db.execute("DELETE FROM notes WHERE name = ?", (name,))
            else:
                db.execute(NOTE, (name, value))

    def _value(self, query: str, *values: object) -> Any:
        with self._database.transaction() as db:
            return db.execute(query, values).fetchone()[0]


def _recovered(job: Job) -> Job:
    """What becomes of a job whose daemon is gone."""
    if job.attempts < MAX_ATTEMPTS:
        return interrupted(job)
    words = f"It was begun {job.attempts} times, and the daemon never lived to end it."
    error = JobInterrupted(words, "Look into the daemon's log before a retry.")
    return move(job, State.FAILED, ended_at=now(), error=error.as_map())


def _write(db: sqlite3.Connection, job: Job) -> None:
    """The job in its new state."""
    db.execute(UPDATE, row_of(job))
    _happened(db, job)


def _happened(db: sqlite3.Connection, job: Job) -> None:
    event = (now(), job.id, job.state)
    db.execute("INSERT INTO happenings (at, job, state) VALUES (?, ?, ?)", event)
