"""The durable queue and the history: jobs in SQLite. What `add` returned from is never lost."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from lipsyncd.errors import DiskFull, JobQuarantined, QueueFull, StateCorrupt, StateNewer
from lipsyncd.jobs.job import Job, Options, State, move

VERSION = 1
MAX_ATTEMPTS = 2  # renders that took the daemon with them, before a job is set aside

SCHEMA = """
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
COLUMNS = [field.name for field in fields(Job)]
NAMES = ", ".join(COLUMNS)
PLACES = ", ".join(f":{name}" for name in COLUMNS)
CHANGES = ", ".join(f"{name} = :{name}" for name in COLUMNS)


class Store:
    """All jobs of this daemon, on disk. Every method is one transaction, from any thread.

    A full disk is DiskFull, and leaves everything as it was.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the store; StateNewer if a newer lipsyncd wrote it."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise StateCorrupt(
                    f"The store {path} cannot be read: {error}.",
                    "Restore it, or move it aside to begin with an empty queue.",
                ) from error
            raise

    def add(self, job: Job, most: int) -> None:
        """Append the job to the queue, on disk for good; QueueFull if `most` wait there."""
        with self._transaction() as db:
            if _count(db, State.QUEUED) >= most:
                raise QueueFull(f"{most} jobs are waiting already.", "Try again later.")
            db.execute(f"INSERT INTO jobs ({NAMES}) VALUES ({PLACES})", _row_of(job))

    def put(self, job: Job) -> None:
        """Write the job's new state over its old one."""
        with self._transaction() as db:
            _update(db, job)

    def take(self) -> Job | None:
        """Move the oldest queued job to running, its attempt counted; None if none waits."""
        with self._transaction() as db:
            found = _select(db, "WHERE state = ? ORDER BY sequence LIMIT 1", State.QUEUED)
            if not found:
                return None
            (job,) = found
            taken = move(job, State.RUNNING, attempts=job.attempts + 1, started_at=time.time())
            _update(db, taken)
            return taken

    def recover(self) -> list[Job]:
        """Jobs an earlier life left running go back to the queue, or into quarantine."""
        with self._transaction() as db:
            recovered = [_recovered(job) for job in _select(db, "WHERE state = ?", State.RUNNING)]
            for job in recovered:
                _update(db, job)
            return recovered

    def get(self, job: str) -> Job | None:
        """The job with this id."""
        with self._transaction() as db:
            return next(iter(_select(db, "WHERE id = ?", job)), None)

    def newest(self, owner: int | None, limit: int) -> list[Job]:
        """The last `limit` jobs of this owner (None: of everybody), the newest last."""
        with self._transaction() as db:
            last = "WHERE ?1 IS NULL OR owner = ?1 ORDER BY sequence DESC LIMIT ?2"
            return _select(db, last, owner, limit)[::-1]

    def states(self) -> dict[str, State]:
        """The state of every job, by id."""
        with self._transaction() as db:
            return {job: State(state) for job, state in db.execute("SELECT id, state FROM jobs")}

    def count(self, state: State) -> int:
        """How many jobs are in this state."""
        with self._transaction() as db:
            return _count(db, state)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits
        with self._transaction() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StateNewer(
                    f"The store is of version {version}, and this lipsyncd knows {VERSION}.",
                    "Install the newer lipsyncd again, or choose another state directory.",
                )
            if version == 0:
                for statement in SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                    raise DiskFull(
                        "The disk of the queue is full.", "Make room there and try again."
                    ) from error
                raise


def _recovered(job: Job) -> Job:
    if job.attempts < MAX_ATTEMPTS:
        return move(job, State.QUEUED, started_at=None)
    error = JobQuarantined(
        "The daemon died twice while rendering it.", "Look into the daemon's log before a retry."
    )
    return move(job, State.QUARANTINED, ended_at=time.time(), error=error.as_map())


def _select(db: sqlite3.Connection, where: str, *values: object) -> list[Job]:
    return [_job_of(row) for row in db.execute(f"SELECT {NAMES} FROM jobs {where}", values)]


def _update(db: sqlite3.Connection, job: Job) -> None:
    db.execute(f"UPDATE jobs SET {CHANGES} WHERE id = :id", _row_of(job))


def _count(db: sqlite3.Connection, state: State) -> int:
    (count,) = db.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,)).fetchone()
    return int(count)


def _row_of(job: Job) -> dict[str, object]:
    return job.as_map() | {
        "face": job.face.encode("utf-8", "surrogateescape"),
        "voice": job.voice.encode("utf-8", "surrogateescape"),
        "options": json.dumps(job.options.as_map()),
        "error": json.dumps(job.error) if job.error else None,
    }


def _job_of(row: sqlite3.Row) -> Job:
    return Job(
        **dict(row)
        | {
            "state": State(row["state"]),
            "face": row["face"].decode("utf-8", "surrogateescape"),
            "voice": row["voice"].decode("utf-8", "surrogateescape"),
            "options": Options.from_map(json.loads(row["options"])),
            "error": json.loads(row["error"]) if row["error"] else None,
        }
    )
