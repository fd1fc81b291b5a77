"""The store's file: one connection, transactions, and what goes wrong in them by its name."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lipsyncd.errors import DiskFailed, DiskFull, LipsyncError
from lipsyncd.jobs.damage import check_content, check_log, check_pages
from lipsyncd.jobs.rows import as_text
from lipsyncd.jobs.schema import damaged, migrate, version_of

PARTS = ("", "-wal", "-shm", "-journal")  # what may lie beside a store and belong to it
MAX_IDLE_LOG = 4 << 20  # bytes that the log keeps, however large a transaction was

FAILED = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_BUSY,  # somebody looks into the store with another program
    }
)
LOCKED = 0.5  # seconds to wait for another program; all sessions wait with us
READING = (sqlite3.Error, UnicodeDecodeError)  # the latter where SQLite quotes what it finds
CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Database:
    """The SQLite file of the store. What a transaction wrote is on the disk when it is over."""

    def __init__(self, path: Path) -> None:
        """Open or create it, and bring its tables to this version.

        Raises StateCorrupt, StateNewer, DiskFull or DiskFailed, and leaves its content as it was.
        """
        self._path = path
        self._lock = threading.Lock()
        try:
            check_log(path)
            self._db = sqlite3.connect(path, LOCKED, isolation_level=None, check_same_thread=False)
            try:
                self._open()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise self._failed(str(error.strerror)) from error
        except READING as error:  # an unknown one, too: the tables are not as they should be
            raise self._named(error) or self._corrupt(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile; DiskFull, DiskFailed or StateCorrupt."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, READING) and (named := self._named(error)):
                    raise named from error
                raise

    def close(self) -> None:
        """Let go of the file, unless a thread that hangs is in the middle of a transaction."""
        if self._lock.acquire(timeout=LOCKED):
            try:
                self._db.close()
            finally:
                self._lock.release()

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.text_factory = as_text  # an error here would keep the file open after `close`
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits
        version_of(self._db)
        check_pages(self._db)
        with self.transaction() as db:
            migrate(db)
            check_content(db)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA journal_size_limit = {MAX_IDLE_LOG}")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the failure that led here is the one to tell
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _named(self, error: Exception) -> LipsyncError | None:
        """What the error means to an operator; None if it is a mistake of ours."""
        if isinstance(error, UnicodeDecodeError):
            return self._corrupt(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says where it happened
        if code == sqlite3.SQLITE_FULL:
            return DiskFull("The disk of the queue is full.", "Make room there and try again.")
        if code in FAILED:
            return self._failed(str(error))
        return self._corrupt(error) if code in CORRUPT else None

    def _failed(self, why: str) -> DiskFailed:
        text = f"The store {self._path} cannot be used: {why}."
        return DiskFailed(text, "Look after its disk and try again.")

    def _corrupt(self, error: Exception) -> LipsyncError:
        return damaged(f"{self._path} cannot be read, {error}")


def move_aside(path: Path) -> Path:
    """Give the closed store another name, for good, under which it can still be opened."""
    aside = path.with_name(f"{path.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    for part in PARTS:  # the file first: a log without its file is corrupt as well, not new
        with suppress(FileNotFoundError):
            os.rename(f"{path}{part}", f"{aside}{part}")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return aside
