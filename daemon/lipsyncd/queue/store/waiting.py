"""The jobs that wait: which may be begun, which come first, and which wait for nothing any more."""

import sqlite3

from lipsyncd.protocol.job import Job
from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User
from lipsyncd.queue.order import Waiting
from lipsyncd.queue.store.rows import jobs_of

# Nobody holds it, and the one after which it comes has succeeded; of which the record may be gone.
FREE = """held = 0 AND (after IS NULL OR NOT EXISTS (
    SELECT 1 FROM jobs AS first WHERE first.id = jobs.after AND first.state != 'succeeded'
))"""
FORSAKEN = """
WHERE state = 'queued' AND after IS NOT NULL AND EXISTS (
    SELECT 1 FROM jobs AS first
    WHERE first.id = jobs.after AND first.state NOT IN ('queued', 'running', 'succeeded')
)
"""
LEVELS = ", ".join(f"('{priority}')" for priority in Priority)
WAITING = "SELECT id, owner, label, priority, queued_at, sequence FROM jobs"
# From user to user and from level to level, and in each only until the first job: the queue may
# be long.
HEADS = f"""
WITH RECURSIVE users (owner, label) AS (
    SELECT * FROM (SELECT owner, label FROM jobs WHERE state = 'queued' ORDER BY 1, 2 LIMIT 1)
    UNION ALL
    SELECT jobs.owner, jobs.label FROM users JOIN jobs ON jobs.sequence = coalesce(
        (
            SELECT sequence FROM jobs
            WHERE state = 'queued' AND owner = users.owner AND label > users.label
            ORDER BY label LIMIT 1
        ), (
            SELECT sequence FROM jobs
            WHERE state = 'queued' AND owner > users.owner ORDER BY owner, label LIMIT 1
        )
    )
), levels (priority) AS (VALUES {LEVELS})
{WAITING} WHERE sequence IN (
    SELECT (
        SELECT sequence FROM jobs
        WHERE state = 'queued' AND {FREE} AND owner = users.owner AND label = users.label
            AND priority = levels.priority AND (expires_at IS NULL OR expires_at > ?)
        ORDER BY queued_at, sequence LIMIT 1
    ) FROM users, levels
)
"""


def heads_in(db: sqlite3.Connection, now: float) -> list[Waiting]:
    """The oldest job of each user and priority that may be begun and has not expired."""
    return [waiting_of(row) for row in db.execute(HEADS, (now,))]


def waiting_in(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Rows of all that may be begun, as they came into the line."""
    in_line = f"WHERE state = 'queued' AND {FREE} ORDER BY queued_at, sequence"
    return db.execute(f"{WAITING} {in_line}").fetchall()


def forsaken_in(db: sqlite3.Connection) -> list[Job]:
    """Those that were to come after a job that has ended without success."""
    return jobs_of(db, FORSAKEN)


def waiting_of(row: sqlite3.Row) -> Waiting:
    """What the order has to know of it."""
    rest = {name: row[name] for name in ("id", "queued_at", "sequence")}
    user, priority = User(row["owner"], row["label"]), Priority(row["priority"])
    return Waiting(user=user, priority=priority, **rest)
