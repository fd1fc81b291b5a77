"""The store's file: one connection, transactions, and what goes wrong in them by its name."""

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lipsyncd.errors import DiskFailed, DiskFull, LipsyncError, StateCorrupt
from lipsyncd.queue.store.integrity import DAMAGE, check_content, check_files, check_pages
from lipsyncd.queue.store.rows import as_text
from lipsyncd.queue.store.schema import damaged, migrate, version_of
from lipsyncd.system.disk import disk_named, named, sync

PARTS = ("", "-wal", "-shm", "-journal")  # what may lie beside a store and belong to it
MAX_IDLE_LOG = 4 << 20  # bytes that the log keeps, however large a transaction was
LOCKED = 0.5  # seconds to wait for another program; all sessions wait with us
READ_BYTES = 1 << 20
LOOK_AGAIN = "Restart lipsyncd: it looks twice before it believes that, and keeps all there is."
# UnicodeDecodeError where SQLite quotes what it finds, MemoryError for SQLITE_NOMEM
FAILURES = (sqlite3.Error, UnicodeDecodeError, MemoryError)
# What SQLite says of a statement that does not fit the tables: our mistake, or not our tables.
# Everything else but damage that it may say is about the disk, the memory or another program.
MISFITS = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)

log = logging.getLogger(__name__)


class Database:
    """The SQLite file of the store. What a transaction wrote is on the disk when it is over."""

    def __init__(self, path: Path) -> None:
        """Open or create it, and bring its tables to this version.

        Raises StateCorrupt, StateNewer or StorageError, and leaves its content as it was.
        """
        self._path = path
        self._lock = threading.Lock()
        self._is_open = self._believes_damage = False
        try:
            check_files(path)
            self._db = sqlite3.connect(path, LOCKED, isolation_level=None, check_same_thread=False)
            try:
                self._open()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise named(error, "the queue") or self._failed(str(error.strerror)) from error
        except FAILURES as error:
            raise self._named(error) or self._corrupt(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile; StorageError or StateCorrupt."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
                self._believes_damage = False
            except BaseException as error:
                self._roll_back()
                if isinstance(error, FAILURES) and (name := self._named(error)):
                    raise self._believed(name) from error
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
        # Nobody else uses it.  So there are no locks in each transaction, which may fail to open
        # again on a disk that stutters, and no shared memory beside the file.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits
        version_of(self._db)
        check_pages(self._db)
        with self.transaction() as db:
            migrate(db)
            check_content(db)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA journal_size_limit = {MAX_IDLE_LOG}")
        self._is_open = True

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the failure that led here is the one to tell
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _named(self, error: Exception) -> LipsyncError | None:
        """What the error means to an operator; None if a statement and the tables do not fit."""
        if isinstance(error, UnicodeDecodeError):
            return self._corrupt(error)
        if isinstance(error, MemoryError):
            return named(error)
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF  # the rest: where
        if code in DAMAGE:
            return self._corrupt(error)
        if code == sqlite3.SQLITE_FULL:
            return DiskFull("The disk of the queue is full.", "Make room there and try again.")
        return None if code in MISFITS else self._failed(str(error))

    def _believed(self, error: LipsyncError) -> LipsyncError:
        """Damage only if two transactions in a row meet it: an unread log looks like it, too."""
        if isinstance(error, StateCorrupt) and self._is_open:
            if not self._believes_damage:
                self._believes_damage = True
                return self._failed("one reading found it damaged")
            error.hint = LOOK_AGAIN
        return error

    def _failed(self, why: str) -> DiskFailed:
        text = f"The store {self._path} cannot be used: {why}."
        return DiskFailed(text, "Look after its disk and try again.")

    def _corrupt(self, error: Exception) -> LipsyncError:
        return damaged(f"{self._path} cannot be read, {error}")


def looked_into(path: Path) -> Database:
    """The store at `path`; StateCorrupt only if a second look at the disk finds the same damage.

    Raises StateNewer or StorageError as well.
    """
    try:
        return Database(path)
    except StateCorrupt as error:
        first = error
    read_anew(path)
    try:
        database = Database(path)
    except StateCorrupt as second:
        if second.message == first.message:
            raise
        text = f"Two looks at the store {path} found different damage: {second.message}"
        raise DiskFailed(text, "Look after its disk and try again.") from second
    log.warning("store: a first look found damage, and a second one none: %s", first.message)
    return database


def read_anew(path: Path) -> None:
    """Every byte of the closed store comes from the disk once more, not from memory.

    Raises DiskFailed where it does not, since then nothing is known of what it holds.
    """
    for part in PARTS:
        with suppress(FileNotFoundError), disk_named("the queue"):
            _read_anew(Path(f"{path}{part}"))


def _read_anew(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        return  # a pipe would have us wait
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(READ_BYTES):
            pass


def move_aside(path: Path) -> Path:
    """Give the closed store another name, for good, under which it can still be opened.

    Raises StorageError; called again, it moves what is left.
    """
    aside = path.with_name(f"{path.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    with disk_named():
        for part in PARTS:  # the file first: a log without its file is corrupt as well, not new
            with suppress(FileNotFoundError):
                os.rename(f"{path}{part}", f"{aside}{part}")
        sync(path.parent)
    return aside
