"""What was: the ended jobs and all changes of state, in order, until they are forgotten."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.protocol.user import User
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.rows import SELECT, as_bytes, job_of, jobs_of, values_of

SPARE = "iif(state = 'succeeded', coalesce(spool_bytes - result_bytes, 0), 0)"
LABELLED = "label != ''"  # as the index has it
ENDED = "state NOT IN ('queued', 'running')"  # as the index has it
# CROSS JOIN: from the happenings to their jobs, never from all jobs of an owner
HAPPENINGS = f"""
{SELECT}, happenings.seq, happenings.at, happenings.state AS state_then
FROM happenings CROSS JOIN jobs ON jobs.id = happenings.job
"""
GONE = f"""
INSERT INTO gone (owner, seq)
    SELECT jobs.owner, max(happenings.seq) FROM jobs JOIN happenings ON happenings.job = jobs.id
    WHERE jobs.id = ? AND jobs.{ENDED} GROUP BY jobs.owner
ON CONFLICT (owner) DO UPDATE SET seq = max(seq, excluded.seq)
"""


@dataclass(frozen=True)
class Event:
    """A change of state: its number, its unix time, and the job in that state."""

    seq: int
    at: float
    job: Job


@dataclass(frozen=True)
class Kept:
    """An ended job that still has `bytes` in the spool, `spare` of them beside its result."""

    id: str
    user: User
    ended_at: float
    bytes: int
    spare: int = 0

    @property
    def needed(self) -> int:
        """The bytes of its result, or of the inputs of one that failed."""
        return self.bytes - self.spare


class History:
    """The same jobs as the store's, looked back upon. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(
        self,
        owner: int | None,
        limit: int,
        before: str | None = None,
        label: str | None = None,
    ) -> list[Job]:
        """The last `limit` jobs of this owner (None: of everybody), the newest last.

        `label`: of those that have it. `before`: of those that were accepted before this one, which
        has to be among the owner's.
        """
        which, values = _page(owner, limit, before, label)
        with self._database.transaction() as db:
            return jobs_of(db, which, *values)[::-1]

    def columns(
        self,
        names: Sequence[str],
        owner: int | None,
        limit: int,
        before: str | None = None,
        label: str | None = None,
    ) -> dict[str, list[Any]]:
        """Of the same jobs what is stored in each of these columns, as `newest` orders them."""
        which, values = _page(owner, limit, before, label)
        with self._database.transaction() as db:
            rows = db.execute(f"SELECT {', '.join(names)} FROM jobs {which}", values).fetchall()
        stored = zip(*rows[::-1], strict=True) if rows else ((),) * len(names)
        return {name: values_of(name, each) for name, each in zip(names, stored, strict=True)}

    def events(self, since: int, owner: int | None, job: str | None, limit: int) -> list[Event]:
        """The first `limit` changes after number `since`, of this owner's jobs and of this job.

        None: of everybody's, of every job. The job is as it is now, but in the state of then.
        """
        only = None if job is None else as_bytes(job)
        of_owner = "?2 IS NULL" if owner is None else "jobs.owner = ?2"
        of_job = "?3 IS NULL" if job is None else "happenings.job = CAST(?3 AS TEXT)"
        which = f"happenings.seq > ?1 AND {of_owner} AND {of_job} ORDER BY happenings.seq LIMIT ?4"
        with self._database.transaction() as db:
            found = db.execute(f"{HAPPENINGS} WHERE {which}", (since, owner, only, limit))
            return [_event(row) for row in found.fetchall()]

    def seq(self) -> int:
        """The newest number that was given to a change of state; 0 if there was none."""
        return self._number("SELECT max(seq) FROM sqlite_sequence WHERE name = 'happenings'")

    def unshown(self, job: Job) -> int | None:
        """The number of the change that ended a render, of a job that is shown as running still.

        The end is recorded first, and shown once its files are as they stay; None without one.
        """
        if job.state is not State.RUNNING:
            return None
        query = "SELECT max(seq), state FROM happenings WHERE job = CAST(? AS TEXT)"
        with self._database.transaction() as db:
            seq, state = db.execute(query, (as_bytes(job.id),)).fetchone()
        return seq if state != State.RUNNING else None

    def oldest(self, owner: int | None = None) -> int:
        """The lowest `since` that misses nothing of this owner's jobs (None: of anybody's)."""
        return self._number("SELECT max(seq) FROM gone WHERE ?1 IS NULL OR owner = ?1", owner)

    def kept(self) -> list[Kept]:
        """The ended jobs that still have files, the longest ended first."""
        query = (
            f"SELECT id, owner, label, ended_at, spool_bytes, {SPARE} FROM jobs"
            f" WHERE {ENDED} AND spool_bytes > 0 ORDER BY ended_at, sequence"
        )
        with self._database.transaction() as db:
            return [
                Kept(job, User(uid, label), *rest) for job, uid, label, *rest in db.execute(query)
            ]

    def ended(self, owner: int | None) -> list[str]:
        """The ended jobs of this owner (None: of everybody), the longest ended first."""
        which = f"{ENDED} AND (?1 IS NULL OR owner = ?1) ORDER BY ended_at, sequence"
        return self._ids(which, owner)

    def records(self) -> int:
        """How many ended jobs are known."""
        return self._number(f"SELECT count(*) FROM jobs WHERE {ENDED}")

    def records_by_user(self) -> dict[User, int]:
        """How many ended jobs each user has; whose first one ended longest ago comes first."""
        query = f"SELECT owner, label, count(*) FROM jobs WHERE {ENDED} GROUP BY owner, label"
        with self._database.transaction() as db:
            found = db.execute(f"{query} ORDER BY min(ended_at), owner, label")
            return {User(uid, label): count for uid, label, count in found}

    def oldest_records(self, user: User, count: int) -> list[str]:
        """Of this user's jobs that left no files, the `count` that ended first."""
        mine = f"{ENDED} AND owner = ? AND label = ? AND spool_bytes = 0"
        return self._ids(f"{mine} ORDER BY ended_at, sequence LIMIT ?", *user, count)

    def emptied(self, jobs: Iterable[str]) -> None:
        """These jobs have no files any more."""
        with self._database.transaction() as db:
            db.executemany("UPDATE jobs SET spool_bytes = 0 WHERE id = ?", [(job,) for job in jobs])

    def spared(self, jobs: Iterable[str]) -> None:
        """Of these jobs only the results are left, where they are."""
        query = f"UPDATE jobs SET spool_bytes = result_bytes WHERE id = ? AND {SPARE} > 0"
        with self._database.transaction() as db:
            db.executemany(query, [(job,) for job in jobs])

    def forget(self, jobs: Iterable[str]) -> None:
        """Remove these jobs, where they have ended, and all that happened to them."""
        ids = [(job,) for job in jobs]
        with self._database.transaction() as db:
            db.executemany(GONE, ids)
            db.executemany(f"DELETE FROM jobs WHERE id = ? AND {ENDED}", ids)

    def _ids(self, which: str, *values: object) -> list[str]:
        with self._database.transaction() as db:
            return [job for (job,) in db.execute(f"SELECT id FROM jobs WHERE {which}", values)]

    def _number(self, query: str, *values: object) -> int:
        with self._database.transaction() as db:
            return int(db.execute(query, values).fetchone()[0] or 0)


def _page(
    owner: int | None, limit: int, before: str | None, label: str | None
) -> tuple[str, Sequence[object]]:
    """What chooses the jobs of `newest`, the newest first, and what is bound in it."""
    mine = "?1 IS NULL" if owner is None else "owner = ?1"
    earlier = f"SELECT sequence FROM jobs WHERE id = CAST(?3 AS TEXT) AND {mine}"
    labelled = "?4 IS NULL" if label is None else f"label = ?4 AND {LABELLED}"
    page = f"{mine} AND {labelled} AND (?3 IS NULL OR sequence < ({earlier}))"
    values = owner, limit, before and as_bytes(before), label
    return f"WHERE {page} ORDER BY sequence DESC LIMIT ?2", values


def _event(row: sqlite3.Row) -> Event:
    job = job_of(dict(row) | {"state": row["state_then"]})
    return Event(row["seq"], row["at"], job)
