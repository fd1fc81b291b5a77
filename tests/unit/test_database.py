"""A transaction is whole and on the disk, or it never was; and what keeps it from that is named."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from lipsyncd.errors import DiskFailed, DiskFull, StateCorrupt
from lipsyncd.queue.store.database import Database

SMALL = 512 << 10  # bytes of a disk
COUNTED = "SELECT value FROM notes WHERE name = 'count'"
NOTE = "INSERT OR REPLACE INTO notes VALUES (?, ?)"

WRITER = """
import os, sys
from pathlib import Path
from lipsyncd.queue.store.database import Database

database = Database(Path(sys.argv[1]))
for number in range(1_000_000):
    with database.transaction() as db:
        db.execute("INSERT INTO notes VALUES (?, ?)", (f"{number}", "x" * 500))
    os.write(1, b"%d\\n" % number)
"""
ON_A_DISK_THAT_FAILS = """
import resource, sys
from pathlib import Path
from lipsyncd.errors import LipsyncError
from lipsyncd.queue.store.database import Database

def note(name):
    with database.transaction() as db:
        db.execute("INSERT INTO notes VALUES (?, ?)", (name, "x" * 100_000))

database = Database(Path(sys.argv[1]))
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
try:
    note("in vain")
except LipsyncError as error:
    print(error.name, error.retryable)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
note("again")
with database.transaction() as db:
    print(*(name for (name,) in db.execute("SELECT name FROM notes")))
"""


@pytest.fixture
def disk(small_disk: Callable[[int], Path]) -> Path:
    """A small file system."""
    return small_disk(SMALL)


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def note(database: Database, name: str, value: str = "") -> None:
    with database.transaction() as db:
        db.execute(NOTE, (name, value))


def names(database: Database) -> list[str]:
    with database.transaction() as db:
        return [name for (name,) in db.execute("SELECT name FROM notes ORDER BY rowid")]


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))


def test_what_is_committed_is_there_later(database: Database, path: Path) -> None:
    note(database, "kept")
    database.close()
    with closing(Database(path)) as later:
        assert names(later) == ["kept"]


def test_a_store_is_one_daemons_alone(database: Database, path: Path) -> None:
    with pytest.raises(DiskFailed, match="locked"):
        Database(path)
    note(database, "after")
    assert names(database) == ["after"]
    assert not path.with_name("jobs.sqlite-shm").exists()


def test_a_transaction_that_breaks_leaves_nothing(database: Database) -> None:
    note(database, "before")
    with pytest.raises(KeyError), database.transaction() as db:
        db.execute(NOTE, ("halfway", ""))
        raise KeyError
    note(database, "after")
    assert names(database) == ["before", "after"]


def test_a_mistake_of_ours_is_not_blamed_on_the_disk(database: Database) -> None:
    mistake = pytest.raises(sqlite3.OperationalError, match="no such table")
    with mistake, database.transaction() as db:
        db.execute("SELECT * FROM nowhere")
    assert names(database) == []


def test_transactions_of_many_threads_follow_one_another(database: Database) -> None:
    def count() -> None:
        for _ in range(10):
            with database.transaction() as db:
                (found,) = db.execute(COUNTED).fetchone()
                db.execute(NOTE, ("count", str(int(found) + 1)))

    note(database, "count", "0")
    with ThreadPoolExecutor(8) as threads:
        for counted in [threads.submit(count) for _ in range(8)]:
            counted.result()
    with database.transaction() as db:
        assert db.execute(COUNTED).fetchone()[0] == "80"


@pytest.mark.parametrize("heard", [0, 1, 40, 300])
def test_whatever_was_said_to_be_written_survives_a_kill(path: Path, heard: int) -> None:
    with python(WRITER, path) as writer:
        assert writer.stdout
        said = [writer.stdout.readline() for _ in range(heard)]
        writer.kill()
        said += writer.stdout.readlines()
    with closing(Database(path)) as database:
        found = names(database)
    assert found[: len(said)] == [line.strip() for line in said]
    assert len(found) <= len(said) + 1  # one may have been written and not yet been told of


def test_a_new_store_that_is_killed_while_it_is_made_can_be_made_again(path: Path) -> None:
    for moment in range(5):
        with python(WRITER, path) as writer:
            while not path.exists():
                pass
            threading.Event().wait(moment / 1000)
            writer.kill()
        with closing(Database(path)) as database:
            note(database, "works")
        for each in path.parent.iterdir():
            each.unlink()


def test_a_full_store_is_named_and_changes_nothing(database: Database) -> None:
    note(database, "before")
    (pages,) = database._db.execute("PRAGMA page_count").fetchone()
    database._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says on a full disk
    with pytest.raises(DiskFull):
        note(database, "in vain", "x" * 10_000)
    assert names(database) == ["before"]
    database._db.execute("PRAGMA max_page_count = 1000000")
    note(database, "after", "x" * 10_000)
    assert names(database) == ["before", "after"]


def test_on_a_full_disk_the_store_can_be_read_and_later_be_written(disk: Path) -> None:
    path, ballast = disk / "jobs.sqlite", disk / "ballast"
    with closing(Database(path)) as database:
        note(database, "before")
        fill(ballast)
        with pytest.raises(DiskFull):
            note(database, "in vain", "x" * 10_000)
        assert names(database) == ["before"]
    with closing(Database(path)) as database:
        assert names(database) == ["before"]
        with pytest.raises(DiskFull):
            note(database, "in vain", "x" * 10_000)
        ballast.unlink()
        note(database, "after")
        assert names(database) == ["before", "after"]


def test_a_disk_without_any_room_has_none_for_a_new_store(disk: Path) -> None:
    fill(disk / "ballast")
    with pytest.raises(DiskFull):
        Database(disk / "jobs.sqlite")
    (disk / "ballast").unlink()
    Database(disk / "jobs.sqlite").close()


def test_a_disk_that_fails_is_named_and_works_again_when_it_does(path: Path) -> None:
    with python(ON_A_DISK_THAT_FAILS, path) as script:
        assert script.stdout
        assert script.stdout.read() == "disk.failed True\nagain\n"


def test_a_store_that_may_not_be_written_is_named(database: Database) -> None:
    database._db.execute("PRAGMA query_only = ON")
    with pytest.raises(DiskFailed, match="readonly"):
        note(database, "in vain")
    database._db.execute("PRAGMA query_only = OFF")
    assert names(database) == []


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFailed, match="cannot be used"):
        Database(tmp_path / "nowhere" / "jobs.sqlite")


def test_damage_that_is_met_twice_in_life_is_for_the_next_start_to_judge(path: Path) -> None:
    with closing(Database(path)) as database:
        note(database, "long", "x" * (1 << 20))
    with closing(Database(path)) as database:
        database._db.execute("PRAGMA cache_size = 1")
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(bytes(path.stat().st_size - 4096))
        with pytest.raises(DiskFailed, match="damaged"):
            names(database)
        with pytest.raises(StateCorrupt, match="damaged") as met:
            names(database)
        assert met.value.hint.startswith("Restart lipsyncd")


def test_damage_that_is_met_once_in_life_is_none(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(DiskFailed), database.transaction():
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        note(database, "works again")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_store_and_nobody_waits_for_it(
    path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    with pytest.raises(StateCorrupt, match="not a regular file"):
        Database(path)


def test_a_store_that_somebody_looks_into_is_named(database: Database, path: Path) -> None:
    note(database, "before")
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT name FROM notes").fetchall()
        with pytest.raises(DiskFailed, match="locked"):
            Database(path)
    with closing(Database(path)) as later:
        assert names(later) == ["before"]


def test_the_log_does_not_stay_as_long_as_it_once_was(database: Database, path: Path) -> None:
    log = path.with_name("jobs.sqlite-wal")
    note(database, "long", "x" * (12 << 20))
    longest = log.stat().st_size
    for _ in range(2):
        note(database, "short")
    assert longest > 12 << 20
    assert log.stat().st_size <= 4 << 20


def test_what_was_removed_makes_room_for_what_comes(database: Database, path: Path) -> None:
    sizes = []
    for _ in range(8):
        note(database, "much", "x" * (1 << 20))
        with database.transaction() as db:
            db.execute("DELETE FROM notes")
        sizes.append(path.stat().st_size)
    assert sizes[-1] == sizes[2]
