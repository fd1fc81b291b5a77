"""A job as a row of the store, and back."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Priority
from lipsyncd.queue.store.schema import damaged

COLUMNS = [field.name for field in fields(Job)]
CHANGING = (
    "state",
    "held",
    "attempts",
    "queued_at",
    "started_at",
    "ended_at",
    "done",
    "total",
    "faces",
    "fps",
    "error",
    "result_bytes",
    "spool_bytes",
    "notes",
)
SELECT = f"SELECT {', '.join(f'jobs.{name}' for name in COLUMNS)}"
# An earlier version counted crashes; its column stays, since older SQLite cannot drop one.
INSERT = (
    f"INSERT INTO jobs ({', '.join(COLUMNS)}, crashes)"
    f" VALUES ({', '.join(f':{name}' for name in COLUMNS)}, 0)"
)
UPDATE = f"UPDATE jobs SET {', '.join(f'{name} = :{name}' for name in CHANGING)} WHERE id = :id"


def row_of(job: Job) -> dict[str, object]:
    """What is bound to the columns."""
    return job.as_map() | {
        "face": as_bytes(job.face),
        "voice": as_bytes(job.voice),
        "key": None if job.key is None else as_bytes(job.key),
        "options": json.dumps(job.options.as_map()),
        "error": json.dumps(job.error) if job.error else None,
        "notes": json.dumps(job.notes),
    }


def job_of(row: Mapping[str, Any] | sqlite3.Row) -> Job:
    """The job in a row with its columns; StateCorrupt if there is none in it."""
    columns = {name: row[name] for name in COLUMNS}
    try:
        return Job(**columns | {name: read(row[name]) for name, read in READERS.items()})
    except UNREADABLE as error:
        raise damaged(f"the job {row['id']} cannot be read, {error}") from error


def values_of(name: str, stored: Sequence[Any]) -> list[Any]:
    """What of each job is stored in this column, as it travels; StateCorrupt if it is not that."""
    try:
        return [*map(READERS[name], stored)] if name in READERS else [*stored]
    except UNREADABLE as error:
        raise damaged(f"the {name} of a job cannot be read, {error}") from error


def jobs_of(db: sqlite3.Connection, which: str = "", *values: object) -> list[Job]:
    """The jobs that the clauses after FROM jobs choose."""
    return [job_of(row) for row in db.execute(f"{SELECT} FROM jobs {which}", values).fetchall()]


def job_by_id(db: sqlite3.Connection, job: str, owner: int | None = None) -> Job | None:
    """The owner's job with this id, which may be anything that came over the wire."""
    which = "WHERE id = CAST(?1 AS TEXT) AND (?2 IS NULL OR owner = ?2)"
    return next(iter(jobs_of(db, which, as_bytes(job), owner)), None)


def as_bytes(text: str) -> bytes:
    """Text of a client, with the bytes that were no text in it."""
    return text.encode("utf-8", "surrogateescape")


def as_text(data: bytes) -> str:
    """What `as_bytes` was given."""
    return data.decode("utf-8", "surrogateescape")


def _key_of(data: bytes | None) -> str | None:
    return None if data is None else as_text(data)


READERS: dict[str, Callable[[Any], Any]] = {  # of what is stored in another way than it is
    "state": State,
    "priority": Priority,
    "face": as_text,
    "voice": as_text,
    "key": _key_of,
    "options": lambda text: Options.from_map(json.loads(text)),
    "error": lambda text: json.loads(text) if text else None,
    "notes": lambda text: tuple(json.loads(text)),
    "held": bool,
}
UNREADABLE = (ValueError, TypeError, AttributeError, InvalidRequest)
