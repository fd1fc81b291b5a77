"""The usage: what each user's jobs take of the queue and of the spool."""

import sqlite3
from dataclasses import dataclass

from lipsyncd.protocol.user import User

USAGE = """
SELECT owner, label, sum(state = 'queued'), sum(spool_bytes) FROM jobs
WHERE state IN ('queued', 'running') GROUP BY owner, label
"""
RESULT = "iif(state = 'succeeded', coalesce(result_bytes, spool_bytes), 0)"
NEEDED = f"iif(state = 'succeeded', {RESULT}, spool_bytes)"
FILES = f"""
SELECT owner, label, sum({NEEDED}),
    sum({NEEDED} * (state NOT IN ('queued', 'running'))),
    sum(iif(retry_of IS NULL AND redo_of IS NULL, spool_bytes, {RESULT}))
FROM jobs WHERE spool_bytes > 0 GROUP BY owner, label
"""
FIRST_KEPT = """
SELECT min(ended_at) FROM jobs
WHERE owner = ? AND label = ? AND spool_bytes > 0 AND state NOT IN ('queued', 'running')
"""


@dataclass(frozen=True)
class Usage:
    """What one user's jobs take: how many wait, and the bytes of all that have not ended."""

    queued: int
    bytes: int


@dataclass(frozen=True)
class Files:
    """What one user's jobs have in the spool, in bytes: all of them, and those that have ended.

    Neither counts what is kept beside results, which gives way.  `unshared` does, but leaves out
    the inputs of retries and redos, which are links to those of another job, so of what is on the
    disk it counts nothing twice.
    """

    all: int = 0
    kept: int = 0
    unshared: int = 0


def usage_in(db: sqlite3.Connection) -> dict[User, Usage]:
    """What the jobs that have not ended take, by user."""
    return {User(uid, label): Usage(*figures) for uid, label, *figures in db.execute(USAGE)}


def files_in(db: sqlite3.Connection) -> dict[User, Files]:
    """What the files of all jobs take, by user; of those who have some."""
    return {User(uid, label): Files(*figures) for uid, label, *figures in db.execute(FILES)}


def first_kept_in(db: sqlite3.Connection, user: User) -> float | None:
    """The unix time at which the longest ended job of this user with files has ended."""
    (at,) = db.execute(FIRST_KEPT, user).fetchone()
    return None if at is None else float(at)
