"""A store that was damaged is told from an empty one, whatever the damage; nothing of it goes."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lipsyncd.errors import DiskFailed, LipsyncError, StateCorrupt, StateNewer
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Terms
from lipsyncd.queue.store import database as database_module
from lipsyncd.queue.store.database import Database, looked_into, move_aside
from lipsyncd.queue.store.integrity import check_pages
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.schema import damaged
from lipsyncd.queue.transitions import new_job

USERS = range(1000, 1005)
OPEN_FILES = Path("/proc/self/fd")
PAGE = 4096  # bytes
HEADER, FRAME = 32, 24  # bytes of the log's header, and of the header of each page in it


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with some jobs in each state, in its file alone."""
    path = tmp_path_factory.mktemp("sound") / "jobs.sqlite"
    with closing(Database(path)) as database:
        fill(Store(database))
    return path


@pytest.fixture(scope="module")
def in_use(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a store that is being used, as if the machine had gone: with a log."""
    busy, gone = (tmp_path_factory.mktemp("in_use") / name for name in ("busy", "gone"))
    shutil.copy(sound, busy)
    with closing(Database(busy)) as database:
        for user in USERS:
            Store(database).add(job(user))
        copy(busy, gone)
    return gone


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return copy(sound, tmp_path / "jobs.sqlite")


@pytest.fixture
def killed(in_use: Path, tmp_path: Path) -> Path:
    return copy(in_use, tmp_path / "killed.sqlite")


def job(owner: int, key: str | None = None) -> Job:
    return new_job(owner, "speaker.mp4", "hello.wav", Options(), Terms(key=key, expires=9))


def fill(store: Store) -> None:
    for user in USERS:
        dropped, begun = store.add(job(user, key="once")), store.add(job(user))
        store.begin(begun.id)
        store.put(move(dropped, State.CANCELLED, ended_at=3.5))
        for _ in range(8):
            store.add(job(user))


def copy(path: Path, to: Path) -> Path:
    """With its log, if it has one."""
    shutil.copy(path, to)
    if log_of(path).exists():
        shutil.copy(log_of(path), log_of(to))
    return to


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def states(path: Path) -> dict[str, State]:
    with closing(Database(path)) as database:
        return Store(database).states()


def is_open(path: Path) -> bool:
    """Whether this process has it open."""
    return any(os.path.realpath(each).startswith(str(path)) for each in OPEN_FILES.iterdir())


def flip(path: Path, place: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


def a_text(path: Path) -> None:
    path.write_bytes(b"this is not a database, but somebody may need it" * 100)


def a_short_text(path: Path) -> None:
    path.write_bytes(b"hello")


def half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def a_page_and_a_half(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(PAGE + PAGE // 2)


def zeros_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2 * PAGE)
        file.write(bytes(PAGE))


def noise_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * PAGE)
        file.write(random.Random(3).randbytes(PAGE))


def a_page_in_the_place_of_another(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(2 * PAGE)
        page = file.read(PAGE)
        file.seek(4 * PAGE)
        file.write(page)


def no_index(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP INDEX jobs_in_line")


def no_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE notes")


def no_column(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE jobs RENAME COLUMN priority TO weight")


def somebody_elses(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE jobs (id)")


def an_index_of_other_rows(path: Path) -> None:
    """What a lost write leaves: the index is not that of the table."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '''queued''', '''cancelled''')"
            " WHERE name = 'jobs_in_line'"
        )


def a_state_that_is_none(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE jobs SET state = 'quewed' WHERE sequence = 7")


def options_that_are_no_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE jobs SET options = CAST(X'7bff7d' AS TEXT) WHERE sequence = 7")


def a_schema_that_is_no_text(path: Path) -> None:
    content = path.read_bytes()
    place = content.index(b"TABLE notes")
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])


def a_column_whose_name_is_no_text(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"fps          REAL", b"\xffps          REAL"))


def options_that_are_none(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE jobs SET options = '{\"blend' WHERE sequence = 7")


DAMAGES = [
    a_text,
    a_short_text,
    half,
    a_page_and_a_half,
    zeros_in_the_middle,
    noise_in_the_middle,
    a_page_in_the_place_of_another,
    no_index,
    no_table,
    no_column,
    somebody_elses,
    an_index_of_other_rows,
    a_state_that_is_none,
    options_that_are_none,
    options_that_are_no_text,
    a_schema_that_is_no_text,
    a_column_whose_name_is_no_text,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_refused_and_kept(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StateCorrupt, match=r"^The store is damaged: .*\.$") as refused:
        Database(path)
    assert path.read_bytes() == before
    assert not is_open(path), f"open for as long as there is {refused.value!r}"


@pytest.mark.parametrize("damage", DAMAGES)
def test_beside_what_was_moved_aside_there_is_room_for_a_new_store(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    before = path.read_bytes()
    aside = move_aside(path)
    assert states(path) == {}
    assert aside.read_bytes() == before


def test_no_flipped_bit_costs_a_job_unnoticed(path: Path, tmp_path: Path) -> None:
    before = states(path)
    flipped, noticed = tmp_path / "flipped.sqlite", 0
    chance = random.Random(4)
    for _ in range(200):
        shutil.copy(path, flipped)
        flip(flipped, chance.randrange(path.stat().st_size), chance.randrange(8))
        try:
            assert states(flipped) == before
        except (StateCorrupt, StateNewer):
            noticed += 1
    assert noticed > 20


def test_a_store_is_as_whole_as_it_was_when_the_machine_went(path: Path, killed: Path) -> None:
    before, after = states(path), states(killed)
    assert before.items() <= after.items()
    assert len(after) == len(before) + len(USERS)


@pytest.mark.parametrize("size", [0, None])
def test_a_log_without_its_store_is_not_taken_for_a_new_store(
    killed: Path, size: int | None
) -> None:
    log = log_of(killed).read_bytes()
    killed.unlink()
    if size is not None:
        killed.write_bytes(bytes(size))
    with pytest.raises(StateCorrupt):
        Database(killed)
    assert log_of(killed).read_bytes() == log
    aside = move_aside(killed)
    assert log_of(aside).read_bytes() == log
    assert states(killed) == {}


def test_no_flipped_bit_in_the_log_costs_a_job_unnoticed(killed: Path, tmp_path: Path) -> None:
    """But for the last commit: of that, nobody can tell whether it was still being written."""
    log, flipped = log_of(killed).read_bytes(), tmp_path / "flipped.sqlite"
    last_commit = len(log) - size_of_last_commit(log)
    chance = random.Random(5)
    for _ in range(50):
        shutil.copy(killed, flipped)
        log_of(flipped).write_bytes(log)
        flip(log_of(flipped), chance.randrange(last_commit), chance.randrange(8))
        before = log_of(flipped).read_bytes()
        with pytest.raises(StateCorrupt, match="log"):
            Database(flipped)
        assert log_of(flipped).read_bytes() == before


@pytest.mark.parametrize("place", range(HEADER))
def test_a_log_with_a_damaged_header_is_not_taken_for_an_empty_one(
    killed: Path, place: int
) -> None:
    flip(log_of(killed), place, bit=place % 8)
    with pytest.raises(StateCorrupt, match="log"):
        Database(killed)


def test_a_commit_that_was_being_written_is_no_damage(killed: Path, tmp_path: Path) -> None:
    log, torn = log_of(killed).read_bytes(), tmp_path / "torn.sqlite"
    last = size_of_last_commit(log)
    expected = cut(killed, torn, log[:-last])
    for missing in (1, PAGE, last // 2, last - 1):
        assert cut(killed, torn, log[:-missing]) == expected
        assert cut(killed, torn, log[:-missing] + bytes(missing)) == expected
    rest = last - FRAME - PAGE
    out_of_order = log[:-last] + bytes(FRAME + PAGE) + log[-rest:]
    assert cut(killed, torn, out_of_order) == expected
    assert len(expected) == len(states(killed)) - 1


def test_what_an_earlier_use_of_the_log_left_is_no_damage(path: Path, tmp_path: Path) -> None:
    used = tmp_path / "used.sqlite"
    with closing(Database(path)) as database:
        store = Store(database)
        for user in USERS:
            store.add(job(user))
        database._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        store.add(job(1000))
        copy(path, used)
        assert states(used) == store.states()


def test_a_commit_that_failed_is_no_damage(path: Path, tmp_path: Path) -> None:
    failed = tmp_path / "failed.sqlite"
    with closing(Database(path)) as database:
        store = Store(database)
        database._db.execute("PRAGMA cache_size = 4")  # so that pages go to the log early
        for _ in range(3):
            store.add(job(1000))
            before = log_of(path).stat().st_size
            with pytest.raises(ZeroDivisionError), database.transaction() as db:
                db.execute("UPDATE jobs SET face = randomblob(3000)")
                raise ZeroDivisionError
        assert log_of(path).stat().st_size > before
        copy(path, failed)
        assert states(failed) == store.states()


def cut(path: Path, torn: Path, log: bytes) -> dict[str, State]:
    """The jobs of a copy of the store that has this log."""
    shutil.copy(path, torn)
    log_of(torn).write_bytes(log)
    return states(torn)


def size_of_last_commit(log: bytes) -> int:
    """In bytes; each frame's header has in its bytes 4 to 8 whether a commit ends with it."""
    frames = [log[at : at + FRAME] for at in range(HEADER, len(log), FRAME + PAGE)]
    ends = [number for number, frame in enumerate(frames) if any(frame[4:8])]
    assert ends[-1] == len(frames) - 1
    return (ends[-1] - ends[-2]) * (FRAME + PAGE)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_what_two_looks_agree_on(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StateCorrupt, match=r"^The store is damaged: .*\.$"):
        looked_into(path)
    assert path.read_bytes() == before


def test_damage_that_a_second_look_does_not_find_was_none(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before, looks = states(path), iter(["a page is garbled", None])
    monkeypatch.setattr(database_module, "check_pages", lambda _: garbled(next(looks)))
    with closing(looked_into(path)) as database:
        assert Store(database).states() == before
    assert "a first look found damage, and a second one none" in caplog.text


def test_two_looks_that_differ_are_a_fault_of_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(["page 3 is garbled", "page 5 is garbled"])
    monkeypatch.setattr(database_module, "check_pages", lambda _: garbled(next(looks)))
    with pytest.raises(DiskFailed, match="different damage: .*page 5"):
        looked_into(path)
    assert not is_open(path)


def garbled(how: str | None) -> None:
    if how:
        raise damaged(how)


class Rows:
    """What SQLite answers to any question."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def execute(self, _query: str) -> "Rows":
        return self

    def fetchone(self) -> tuple[str]:
        return (self._answer,)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("Tree 3 page 5: unable to get the page. error code=266", DiskFailed),
        ("*** in database main ***\nPage 4: btreeInitPage() returns error code 10", DiskFailed),
        ("Tree 3 page 5: unable to get the page. error code=7", DiskFailed),
        ("Page 4: btreeInitPage() returns error code 11", StateCorrupt),
        ("row 5 missing from index jobs_in_line", StateCorrupt),
    ],
)
def test_a_page_that_could_not_be_read_is_not_a_damaged_one(
    row: str, error: type[LipsyncError]
) -> None:
    with pytest.raises(error):
        check_pages(Rows(row))


def test_a_second_store_moved_aside_leaves_the_first(path: Path) -> None:
    asides = []
    for content in (b"first", b"second"):
        path.write_bytes(content)
        asides.append(move_aside(path))
    assert [aside.read_bytes() for aside in asides] == [b"first", b"second"]
    assert all(aside.name.startswith("jobs.sqlite.corrupt-2") for aside in asides)


def test_every_damage_is_an_error_with_a_hint(path: Path) -> None:
    a_text(path)
    with pytest.raises(LipsyncError) as refused:
        Database(path)
    assert refused.value.hint == "Restore it, or move it aside to begin with an empty queue."
