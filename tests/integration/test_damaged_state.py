"""However the state is damaged, an accepted job is there, or kept and told; none goes silently."""

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.client.session import Client
from support.daemon.stepped import stepped_daemon

from lipsyncd.errors import UnknownJob

DONE, WAITING = 3, 4  # jobs; one more runs when the daemon is killed
PAGE, HEADER, FRAME = 4096, 32, 24  # bytes, of the store and of its log
SOUND_STATES = {"queued", "running", "succeeded"}


@dataclass(frozen=True)
class Earlier:
    """What a life left that was killed in the middle of its work, with its log beside the store."""

    directory: Path
    old_store: Path  # as it was when the first job had been done
    states: dict[str, str]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    directory = tmp_path_factory.mktemp("earlier")
    old = directory / "old.sqlite"
    with stepped_daemon(directory) as daemon, daemon.client() as client:
        jobs = [client.submit(directory) for _ in range(DONE)]
        daemon.let_go(3 * DONE)
        states = {job: client.end_of(job)["state"] for job in jobs}
        shutil.copy(directory / "state/jobs.sqlite", old)
        running = client.submit(directory)
        daemon.let_go(0)
        daemon.come_to("step 1")
        states |= {running: "running"} | {
            client.submit(directory): "queued" for _ in range(WAITING)
        }
        daemon.end(signal.SIGKILL)
    assert (directory / "state/jobs.sqlite-wal").stat().st_size > HEADER + 20 * (FRAME + PAGE)
    return Earlier(directory, old, states)


@pytest.fixture
def state(earlier: Earlier, tmp_path: Path) -> Path:
    shutil.copytree(earlier.directory / "state", tmp_path / "state")
    return tmp_path / "state"


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def merge_log(state: Path) -> Path:
    """The store, with all that was in its log."""
    with closing(sqlite3.connect(state / "jobs.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return state / "jobs.sqlite"


def frames_of(log: Path) -> int:
    return (log.stat().st_size - HEADER) // (FRAME + PAGE)


def no_store(state: Path) -> None:
    (state / "jobs.sqlite").unlink()


def an_empty_store(state: Path) -> None:
    os.truncate(state / "jobs.sqlite", 0)


def an_empty_store_without_a_log(state: Path) -> None:
    os.truncate(state / "jobs.sqlite", 0)
    (state / "jobs.sqlite-wal").unlink()


def half_a_store(state: Path) -> None:
    store = merge_log(state)
    os.truncate(store, store.stat().st_size // 2)


def a_store_cut_in_a_page(state: Path) -> None:
    store = merge_log(state)
    os.truncate(store, store.stat().st_size - PAGE // 2)


def a_garbled_header(state: Path) -> None:
    overwrite(merge_log(state), 0, random.Random(1).randbytes(100))


def pages_of_zeros(state: Path) -> None:
    overwrite(merge_log(state), 2 * PAGE, bytes(3 * PAGE))


def pages_of_noise(state: Path) -> None:
    overwrite(merge_log(state), 3 * PAGE, random.Random(2).randbytes(2 * PAGE))


def two_pages_exchanged(state: Path) -> None:
    store = merge_log(state)
    content = store.read_bytes()
    overwrite(store, 2 * PAGE, content[4 * PAGE : 5 * PAGE])
    overwrite(store, 4 * PAGE, content[2 * PAGE : 3 * PAGE])


def another_kind_of_file(state: Path) -> None:
    (state / "jobs.sqlite").write_bytes(b"this is not a database" * 1000)


def a_folder_in_its_place(state: Path) -> None:
    (state / "jobs.sqlite").unlink()
    (state / "jobs.sqlite").mkdir()


def a_pipe_in_its_place(state: Path) -> None:
    (state / "jobs.sqlite").unlink()
    os.mkfifo(state / "jobs.sqlite")


def no_index(state: Path) -> None:
    with closing(sqlite3.connect(state / "jobs.sqlite")) as db:
        db.execute("DROP INDEX jobs_in_line")


def no_table(state: Path) -> None:
    with closing(sqlite3.connect(state / "jobs.sqlite")) as db:
        db.execute("DROP TABLE notes")


def a_record_that_is_none(state: Path) -> None:
    with closing(sqlite3.connect(state / "jobs.sqlite")) as db, db:
        db.execute("UPDATE jobs SET options = '{\"blend' WHERE state = 'queued'")


def records_that_went(state: Path) -> None:
    with closing(sqlite3.connect(state / "jobs.sqlite")) as db, db:
        db.execute("DELETE FROM jobs WHERE state IN ('queued', 'succeeded')")


def no_log(state: Path) -> None:
    (state / "jobs.sqlite-wal").unlink()


def an_empty_log(state: Path) -> None:
    os.truncate(state / "jobs.sqlite-wal", 0)


def half_a_log(state: Path) -> None:
    log = state / "jobs.sqlite-wal"
    os.truncate(log, HEADER + frames_of(log) // 2 * (FRAME + PAGE))


def a_log_cut_in_a_frame(state: Path) -> None:
    log = state / "jobs.sqlite-wal"
    os.truncate(log, log.stat().st_size // 2 + 100)


def a_garbled_log_header(state: Path) -> None:
    overwrite(state / "jobs.sqlite-wal", 0, random.Random(3).randbytes(HEADER))


def a_garbled_frame(state: Path) -> None:
    log = state / "jobs.sqlite-wal"
    overwrite(log, HEADER + 5 * (FRAME + PAGE) + FRAME, random.Random(4).randbytes(PAGE))


def a_frame_of_zeros(state: Path) -> None:
    log = state / "jobs.sqlite-wal"
    overwrite(log, HEADER + 8 * (FRAME + PAGE), bytes(FRAME + PAGE))


def another_kind_of_log(state: Path) -> None:
    (state / "jobs.sqlite-wal").write_bytes(b"this is not a log" * 1000)


def a_stray_shm(state: Path) -> None:
    (state / "jobs.sqlite-shm").write_bytes(random.Random(5).randbytes(32 << 10))


DAMAGES = [
    no_store,
    an_empty_store,
    an_empty_store_without_a_log,
    half_a_store,
    a_store_cut_in_a_page,
    a_garbled_header,
    pages_of_zeros,
    pages_of_noise,
    two_pages_exchanged,
    another_kind_of_file,
    a_folder_in_its_place,
    a_pipe_in_its_place,
    no_index,
    no_table,
    a_record_that_is_none,
    records_that_went,
    no_log,
    an_empty_log,
    half_a_log,
    a_log_cut_in_a_frame,
    a_garbled_log_header,
    a_garbled_frame,
    a_frame_of_zeros,
    another_kind_of_log,
    a_stray_shm,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_job_goes_silently(
    earlier: Earlier, state: Path, damage: Callable[[Path], None]
) -> None:
    damage(state)
    account(earlier.states, state)


def test_a_store_of_yesterday_keeps_what_was_done_since(earlier: Earlier, state: Path) -> None:
    no_log(state)
    shutil.copy(earlier.old_store, state / "jobs.sqlite")
    account(earlier.states, state)


def account(before: dict[str, str], state: Path) -> None:
    """Find every job in the next life, or in what was set aside and told."""
    with stepped_daemon(state.parent) as daemon, daemon.client() as client:
        warning = client.ask("health")["detail"]
        for job, was in before.items():
            if found := known(client, job):
                assert_is_sound(client, found, was)
            else:
                assert kept(state, job), f"{job} was {was} and is gone"
                assert warning, f"{job} was {was}, is set aside, and nobody is told"
        assert warning in daemon.socket.with_name("log").read_text()


def known(client: Client, job: str) -> dict[str, object] | None:
    try:
        found: dict[str, object] = client.job(job)
        return found
    except UnknownJob:
        return None


def kept(state: Path, job: str) -> list[Path]:
    """The files of a job that were set aside."""
    return [
        *state.glob(f"spool.corrupt-*/{job}/*"),
        *state.glob(f"spool.unrecorded-*/{job}/*"),
    ]


def assert_is_sound(client: Client, job: dict[str, object], was: str) -> None:
    """It waits, it runs, or it has the result that it had."""
    assert job["state"] in SOUND_STATES
    if was == "succeeded":
        assert job["state"] == was
        assert client.result_of(str(job["id"])) == b"facevoice"
