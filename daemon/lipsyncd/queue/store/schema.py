"""The tables of the store, by version: how each came from the one before."""

import sqlite3

from lipsyncd.errors import StateCorrupt, StateNewer

# A script that has been released stays as it is: stores out there were made by it.
FIRST = """
CREATE TABLE jobs (
    sequence     INTEGER PRIMARY KEY,  -- the order of the queue
    id           TEXT    NOT NULL UNIQUE,
    owner        INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    face         BLOB    NOT NULL,     -- names of files, which need not be valid text
    voice        BLOB    NOT NULL,
    options      TEXT    NOT NULL,     -- JSON
    created_at   REAL    NOT NULL,
    started_at   REAL,
    ended_at     REAL,
    attempts     INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    faces        INTEGER NOT NULL,
    fps          REAL    NOT NULL,
    error        TEXT,                 -- JSON
    result_bytes INTEGER
);
CREATE INDEX jobs_by_state ON jobs (state, sequence);
"""

# Priorities, keys, deadlines, crashes, retries, the bytes in the spool; a record of every change.
SECOND = """
ALTER TABLE jobs RENAME TO first_jobs;
CREATE TABLE jobs (
    sequence     INTEGER PRIMARY KEY,  -- the order of the queue
    id           TEXT    NOT NULL UNIQUE,
    owner        INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    priority     TEXT    NOT NULL,
    face         BLOB    NOT NULL,     -- names of files, which need not be valid text
    voice        BLOB    NOT NULL,
    options      TEXT    NOT NULL,     -- JSON
    key          BLOB,                 -- what a client chose, which need not be valid text either
    retry_of     TEXT,
    max_runtime  REAL,
    created_at   REAL    NOT NULL,
    expires_at   REAL,
    started_at   REAL,
    ended_at     REAL,
    attempts     INTEGER NOT NULL,
    crashes      INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    total        INTEGER NOT NULL,
    faces        INTEGER NOT NULL,
    fps          REAL    NOT NULL,
    error        TEXT,                 -- JSON
    result_bytes INTEGER,
    spool_bytes  INTEGER NOT NULL
);
INSERT INTO jobs (
    sequence, id, owner, state, priority, face, voice, options, created_at, started_at, ended_at,
    attempts, crashes, done, total, faces, fps, error, result_bytes, spool_bytes
) SELECT
    sequence, id, owner, state, 'normal', face, voice, options, created_at, started_at, ended_at,
    attempts, 0, done, total, faces, fps, error, result_bytes, coalesce(result_bytes, 0)
FROM first_jobs;
DROP TABLE first_jobs;

CREATE INDEX jobs_by_owner ON jobs (owner, sequence);
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, key) WHERE key IS NOT NULL;
CREATE INDEX jobs_running ON jobs (owner, sequence) WHERE state = 'running';
CREATE INDEX jobs_in_line ON jobs (owner, priority, sequence) WHERE state = 'queued';
CREATE INDEX jobs_by_deadline ON jobs (expires_at)
    WHERE state = 'queued' AND expires_at IS NOT NULL;
CREATE INDEX jobs_not_ended ON jobs (owner, state, spool_bytes)
    WHERE state IN ('queued', 'running');
CREATE INDEX jobs_ended ON jobs (ended_at, sequence)
    WHERE state NOT IN ('queued', 'running');

CREATE TABLE happenings (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, whatever is forgotten
    at    REAL NOT NULL,
    job   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    state TEXT NOT NULL
);
CREATE INDEX happenings_by_job ON happenings (job, seq);
INSERT INTO happenings (at, job, state)
    SELECT coalesce(ended_at, started_at, created_at), id, state FROM jobs ORDER BY 1, sequence;

CREATE TABLE gone (
    owner INTEGER PRIMARY KEY,
    seq   INTEGER NOT NULL  -- of the owner's newest event that was forgotten
);
CREATE TABLE notes (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
"""

# What each user's files take is asked at every submission.
THIRD = """
CREATE INDEX jobs_with_files ON jobs (owner, state, retry_of, spool_bytes) WHERE spool_bytes > 0
"""

# What was decided for the user, in sentences: JSON.
FOURTH = """
ALTER TABLE jobs ADD COLUMN notes TEXT NOT NULL DEFAULT '[]'
"""

# Jobs that have had a turn come again at the end of the line.
FIFTH = """
ALTER TABLE jobs ADD COLUMN queued_at REAL NOT NULL DEFAULT 0;
UPDATE jobs SET queued_at = created_at;
DROP INDEX jobs_in_line;
CREATE INDEX jobs_in_line ON jobs (owner, priority, queued_at, sequence) WHERE state = 'queued'
"""

# When its owner first had the result.
SIXTH = """
ALTER TABLE jobs ADD COLUMN fetched_at REAL
"""

# The job of whose result a stretch is made anew. What ended jobs keep beside their results is asked
# at every submission, too.
SEVENTH = """
ALTER TABLE jobs ADD COLUMN redo_of TEXT;
DROP INDEX jobs_with_files;
CREATE INDEX jobs_with_files ON jobs (owner, state, retry_of, redo_of, result_bytes, spool_bytes)
    WHERE spool_bytes > 0
"""

# Whom a job is for, of many for whom one uid hands in jobs: each counts by himself.
EIGHTH = """
ALTER TABLE jobs ADD COLUMN label TEXT NOT NULL DEFAULT '';
DROP INDEX jobs_by_key;
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, label, key) WHERE key IS NOT NULL;
DROP INDEX jobs_in_line;
CREATE INDEX jobs_in_line ON jobs (owner, label, priority, queued_at, sequence)
    WHERE state = 'queued';
DROP INDEX jobs_not_ended;
CREATE INDEX jobs_not_ended ON jobs (owner, label, state, spool_bytes)
    WHERE state IN ('queued', 'running');
DROP INDEX jobs_with_files;
CREATE INDEX jobs_with_files
    ON jobs (owner, label, state, retry_of, redo_of, result_bytes, spool_bytes)
    WHERE spool_bytes > 0;
CREATE INDEX jobs_by_label ON jobs (label, owner, sequence) WHERE label != ''
"""

# Jobs that are not begun until they are let go, or until another one has succeeded.
NINTH = """
ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN after TEXT;
CREATE INDEX jobs_after ON jobs (after) WHERE state = 'queued' AND after IS NOT NULL
"""

# What people did to jobs that wait, and who, by his uid.
TENTH = """
CREATE TABLE deeds (
    job  TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at   REAL    NOT NULL,
    what TEXT    NOT NULL,
    uid  INTEGER NOT NULL
);
CREATE INDEX deeds_by_job ON deeds (job)
"""
STEPS = (FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH, TENTH)
VERSION = len(STEPS)


def version_of(db: sqlite3.Connection) -> int:
    """The version of the tables, 0 if there are none; StateNewer if this one does not know it."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StateNewer(
            f"The store is of version {version}, and this lipsyncd knows {VERSION}.",
            "Install the newer lipsyncd again, or choose another state directory.",
        )
    if version < 0:
        raise damaged(f"its version is {version}")
    return int(version)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to VERSION, step by step; the transaction is the caller's."""
    for version, step in list(enumerate(STEPS, start=1))[version_of(db) :]:
        for statement in step.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")


def damaged(how: str) -> StateCorrupt:
    """The error for a store that is not what a lipsyncd has written."""
    return StateCorrupt(
        f"The store is damaged: {how}.",
        "Restore it, or move it aside to begin with an empty queue.",
    )
