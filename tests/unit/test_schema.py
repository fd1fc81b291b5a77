"""A store of any earlier version becomes one of this version, whole; a newer one is left alone."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from support.paths import STATES

from lipsyncd.errors import DiskFailed, DiskFull, StateCorrupt, StateNewer
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.queue.order import Waiting
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.schema import STEPS, VERSION, migrate
from lipsyncd.queue.transitions import new_job

NEW_YEAR = 1767225600.0
NO_FACE = {
    "code": 65,
    "name": "input.no_face",
    "message": "There is no face in the first 50 frames.",
    "hint": "Try --box.",
    "retryable": False,
}


def first_job(name: str, at: float, **fields: Any) -> Job:
    """A job of the fixture; all times count from the new year in which it was made."""
    times = {key: NEW_YEAR + fields.pop(key) for key in ("started_at", "ended_at") if key in fields}
    plain = {"face": "speaker.mp4", "voice": "hello.wav", "options": Options(blend="soft")}
    moment = {"created_at": NEW_YEAR + at, "queued_at": NEW_YEAR + at}
    return Job(id=name, **(moment | plain | fields | times))


FIRST_JOBS = [
    first_job(
        "d0ne00000001",
        0.5,
        owner=1000,
        state=State.SUCCEEDED,
        attempts=1,
        started_at=10,
        ended_at=20.125,
        done=250,
        total=250,
        faces=249,
        fps=59.52,
        result_bytes=123456,
        spool_bytes=123456,  # which version 1 did not know, but of a result it is no secret
    ),
    first_job(
        "fa11ed000002",
        1,
        owner=1001,
        face="caf\udce9.mp4",
        voice="\udcff\udcfe.wav",
        options=Options(blend="box", extend="loop", box=(1, 2, 30, 40), crf=20),
        state=State.FAILED,
        attempts=1,
        started_at=10.25,
        ended_at=30,
        total=50,
        error=NO_FACE,
    ),
    first_job(
        "cance11ed003",
        2,
        owner=1000,
        face="日本.mp4",
        voice="l'été.wav",
        options=Options(blend="soft", crf=0),
        state=State.CANCELLED,
        ended_at=31,
    ),
    first_job(
        "begvn0000004",
        3,
        owner=0,
        face="caf\udce9.mov",
        voice="voice; DROP TABLE jobs.wav",
        options=Options(blend="soft", extend="loop"),
        state=State.RUNNING,
        attempts=1,
        started_at=10.5,
    ),
    first_job(
        "waxts0000005",
        4,
        owner=1001,
        face="a.mp4",
        voice="b.wav",
        options=Options(blend="soft", box=(0, 0, 64, 64)),
    ),
    first_job("waxts0000006", 5, owner=1000, face="\udc80", voice="line\nbreak.wav"),
]
DONE, *_, RUNNING, WAITING, LAST = FIRST_JOBS

CUT_OFF = """
import os, signal, sys
from pathlib import Path
from lipsyncd.queue.store import database

left = int(sys.argv[2])

def count(_statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def cut_off(db, migrate=database.migrate):
    global left
    db.set_trace_callback(count)
    migrate(db)
    left = 0  # of the commit

database.migrate = cut_off
database.Database(Path(sys.argv[1]))
"""
ON_A_DISK_THAT_FAILS = """
import resource, sys
from pathlib import Path
from lipsyncd.errors import LipsyncError
from lipsyncd.queue.store.database import Database

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
try:
    Database(Path(sys.argv[1]))
except LipsyncError as error:
    print(error.name, error.message)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as the first version left it."""
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript((STATES / "version1.sql").read_text())
    return path


@pytest.fixture
def large(path: Path) -> Path:
    """The same with so many ended jobs that they do not fit in SQLite's memory."""
    columns = "owner, state, face, voice, options, created_at, attempts, done, total, faces, fps"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM numbers"
            f" LIMIT 10000) INSERT INTO jobs (id, {columns})"
            f" SELECT 'copy-' || n, {columns} FROM numbers, jobs WHERE sequence = 1"
        )
    return path


@pytest.fixture
def disk(small_disk: Callable[[int], Path]) -> Path:
    """A file system of 256 KiB."""
    return small_disk(256 << 10)


def content(path: Path) -> tuple[int, list[str]]:
    """The version of a store, and all that is in it."""
    with closing(sqlite3.connect(path)) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        return version, list(db.iterdump())


def python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_job_of_version_1_is_still_what_it_was(path: Path) -> None:
    with closing(Database(path)) as database:
        store = Store(database)
        assert [store.get(job.id) for job in FIRST_JOBS] == FIRST_JOBS
        assert History(database).newest(None, limit=100) == FIRST_JOBS
    assert content(path)[0] == VERSION


def test_the_queue_of_version_1_goes_on_where_it_was(path: Path) -> None:
    with closing(Database(path)) as database:
        store = Store(database)
        assert [job.id for job in store.recover()] == [RUNNING.id]
        line = [RUNNING, WAITING, LAST]
        assert store.waiting() == [
            Waiting(job.id, job.user, job.priority, job.queued_at, sequence)
            for sequence, job in enumerate(line, start=4)
        ]
        added = store.add(new_job(1000, "face", "voice", Options()))
        assert [each.id for each in store.waiting()] == [each.id for each in [*line, added]]
        assert store.begin(WAITING.id)


def test_of_the_files_of_version_1_only_the_results_are_known(path: Path) -> None:
    with closing(Database(path)) as database:
        assert [(each.id, each.bytes) for each in History(database).kept()] == [(DONE.id, 123456)]
        assert {usage.bytes for usage in Store(database).usage().values()} == {0}
        Store(database).set_bytes(RUNNING.id, 9)
        assert Store(database).usage()[RUNNING.user].bytes == 9


def test_a_follower_learns_how_each_job_of_version_1_stood(path: Path) -> None:
    with closing(Database(path)) as database:
        told = History(database).events(0, None, None, 100)
        assert sorted((each.job for each in told), key=lambda job: job.created_at) == FIRST_JOBS
        assert [each.at for each in told] == sorted(each.at for each in told)
        assert [each.seq for each in told] == list(range(1, len(FIRST_JOBS) + 1))


def test_a_job_that_an_earlier_version_quarantined_is_still_what_it_was(tmp_path: Path) -> None:
    error = {"code": 4, "name": "job.quarantined", "message": "It broke.", "hint": "Look."}
    story = {"attempts": 2, "started_at": 1, "ended_at": 2, "error": error}
    bad = first_job("bad000000001", 0, owner=1000, state=State.QUARANTINED, **story)
    with closing(Database(tmp_path / "jobs.sqlite")) as database:
        Store(database).add(bad)
        with database.transaction() as db:
            db.execute("UPDATE jobs SET crashes = 2")
        assert Store(database).get(bad.id) == bad
        assert Store(database).count(State.QUARANTINED) == 1


def test_a_migrated_store_is_made_like_a_new_one(path: Path, tmp_path: Path) -> None:
    made = []
    for each in (path, tmp_path / "new.sqlite"):
        Database(each).close()
        with closing(sqlite3.connect(each)) as db:
            made.append(db.execute("SELECT * FROM sqlite_master ORDER BY rootpage").fetchall())
    without_place = [sorted(row[:3] + row[4:] for row in rows) for rows in made]
    assert without_place[0] == without_place[1]


def test_a_store_of_version_2_is_made_like_a_new_one(path: Path, tmp_path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        for step in STEPS[:2]:
            db.executescript(step)
        db.execute("PRAGMA user_version = 2")
    made = []
    for each in (path, tmp_path / "new.sqlite"):
        Database(each).close()
        with closing(sqlite3.connect(each)) as db:
            made.append(set(db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")))
    assert made[0] == made[1]
    assert content(path)[0] == VERSION


def test_the_log_of_a_version_1_that_was_killed_is_migrated_as_well(path: Path) -> None:
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("UPDATE jobs SET face = X'6C617465' WHERE sequence = 6")
        writer.commit()
        killed = path.with_name("killed.sqlite")
        shutil.copy(path, killed)
        shutil.copy(f"{path}-wal", f"{killed}-wal")
    with closing(Database(killed)) as database:
        found = Store(database).get(LAST.id)
        assert found
        assert found.face == "late"


@pytest.mark.parametrize("statements", [0, 1, 2, 3, 4, 8, 16])
def test_a_migration_that_is_killed_leaves_version_1(path: Path, statements: int) -> None:
    before = content(path)
    assert python(CUT_OFF, path, statements).returncode == -signal.SIGKILL
    assert content(path) == before
    Database(path).close()
    assert content(path)[0] == VERSION


def test_a_large_migration_that_is_killed_at_its_end_leaves_version_1(large: Path) -> None:
    before = content(large)
    assert python(CUT_OFF, large, 1000).returncode == -signal.SIGKILL
    assert Path(f"{large}-wal").stat().st_size > 1 << 20, "all of it was still in memory"
    assert content(large) == before


def test_a_full_disk_leaves_version_1(path: Path) -> None:
    before = content(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 2}")  # what SQLite says on a full disk
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            migrate(db)
        db.execute("ROLLBACK")
    assert content(path) == before


def test_a_disk_that_is_really_full_leaves_version_1(path: Path, disk: Path) -> None:
    full = disk / path.name
    shutil.copy(path, full)
    before = content(full)
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises((DiskFull, DiskFailed)):
        Database(full)
    ballast.unlink()
    assert content(full) == before
    Database(full).close()
    assert content(full)[0] == VERSION


def test_a_disk_that_fails_leaves_version_1(large: Path) -> None:
    before = content(large)
    assert python(ON_A_DISK_THAT_FAILS, large).stdout.startswith("disk.failed The store ")
    assert content(large) == before


def test_a_newer_store_is_refused_in_one_sentence_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StateNewer) as refused:
        Database(path)
    assert (
        refused.value.message
        == f"The store is of version {VERSION + 1}, and this lipsyncd knows {VERSION}."
    )
    assert path.read_bytes() == before


def test_a_newer_store_is_not_taken_for_a_damaged_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = sql || ' WHERE owner = 0' WHERE type = 'index'")
    with pytest.raises(StateNewer):
        Database(path)


@pytest.mark.parametrize("version", [-1, 0, 2, 3, 4])
def test_a_store_that_lies_about_its_version_is_refused(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    _, before = content(path)
    with pytest.raises(StateCorrupt):
        Database(path)
    assert content(path) == (version, before)
