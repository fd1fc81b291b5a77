"""What the store accepted is still there in the next life, in order and in its state."""

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lipsyncd.errors import DiskFull, QueueFull, StateCorrupt, StateNewer
from lipsyncd.jobs.job import Job, Options, State, move, new_job
from lipsyncd.jobs.store import Store

MANY = 1000


def job(owner: int = 1000) -> Job:
    return new_job(owner, "speaker.mp4", "hello.wav", Options())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path)
    yield store
    store.close()


def reopened(store: Store, path: Path) -> Store:
    store.close()
    return Store(path)


def test_a_job_comes_back_as_it_was_stored(store: Store, path: Path) -> None:
    queued = new_job(1000, "caf\udce9.mp4", "日本.wav", Options(box=(1, 2, 3, 4), crf=20))
    store.add(queued, MANY)
    ended = replace(
        move(move(queued, State.RUNNING, attempts=1, started_at=2.5), State.FAILED, ended_at=3.5),
        done=7,
        total=9,
        faces=5,
        fps=59.5,
        error={"name": "input.no_face", "retryable": False},
    )
    store.put(ended)
    with_next_life = reopened(store, path)
    assert with_next_life.get(queued.id) == ended
    with_next_life.close()


def test_jobs_are_taken_oldest_first_and_counted_as_attempts(store: Store) -> None:
    first, second = job(), job()
    store.add(first, MANY)
    store.add(second, MANY)
    taken = [store.take(), store.take(), store.take()]
    assert [each and each.id for each in taken] == [first.id, second.id, None]
    assert taken[0] == store.get(first.id)
    assert taken[0] and (taken[0].state, taken[0].attempts) == (State.RUNNING, 1)


def test_an_attempt_is_on_disk_before_the_render_starts(store: Store, path: Path) -> None:
    queued = job()
    store.add(queued, MANY)
    store.take()
    other = sqlite3.connect(path)
    assert other.execute("SELECT state, attempts FROM jobs").fetchall() == [("running", 1)]
    other.close()


def test_a_job_put_back_is_the_oldest_again(store: Store) -> None:
    first, second = job(), job()
    store.add(first, MANY)
    store.add(second, MANY)
    taken = store.take()
    assert taken
    store.put(move(taken, State.QUEUED))
    again = store.take()
    assert again and again.id == first.id


def test_the_queue_has_an_end(store: Store) -> None:
    store.add(job(), most=2)
    store.add(job(), most=2)
    with pytest.raises(QueueFull):
        store.add(job(), most=2)
    assert store.count(State.QUEUED) == 2


def test_running_jobs_do_not_fill_the_queue(store: Store) -> None:
    store.add(job(), most=1)
    store.take()
    store.add(job(), most=1)


def test_a_job_that_was_running_waits_again_in_the_next_life(store: Store, path: Path) -> None:
    queued = job()
    store.add(queued, MANY)
    store.take()
    store = reopened(store, path)
    assert [each.id for each in store.recover()] == [queued.id]
    found = store.get(queued.id)
    assert found and (found.state, found.attempts, found.started_at) == ("queued", 1, None)
    store.close()


def test_a_job_the_daemon_died_of_twice_is_set_aside(store: Store) -> None:
    bad, good = job(), job()
    store.add(bad, MANY)
    store.add(good, MANY)
    for _ in range(2):
        store.take()
        store.recover()
    found = store.get(bad.id)
    assert found and found.error
    assert (found.state, found.error["name"]) == (State.QUARANTINED, "job.quarantined")
    assert found.error["message"] == "The daemon died twice while rendering it."
    assert found.ended_at
    following = store.take()
    assert following and following.id == good.id


def test_recovery_leaves_other_jobs_alone(store: Store) -> None:
    waiting = job()
    store.add(waiting, MANY)
    assert store.recover() == []
    assert store.get(waiting.id) == waiting


def test_a_list_holds_the_owners_last_jobs_the_newest_last(store: Store) -> None:
    mine = [job(owner=1) for _ in range(3)]
    other = job(owner=2)
    for each in [*mine, other]:
        store.add(each, MANY)
    assert store.newest(1, limit=2) == mine[1:]
    assert store.newest(None, limit=10) == [*mine, other]
    assert store.newest(3, limit=10) == []


def test_an_unknown_job_is_none(store: Store) -> None:
    assert store.get("k3") is None
    assert store.get("' OR 1=1 --") is None


def test_a_newer_store_is_left_alone(store: Store, path: Path) -> None:
    store.close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StateNewer):
        Store(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_and_kept(path: Path) -> None:
    path.write_bytes(b"this is not a database, but somebody may need it" * 100)
    with pytest.raises(StateCorrupt, match="cannot be read"):
        Store(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_full_disk_is_named_and_changes_nothing(store: Store) -> None:
    queued = job()
    store.add(queued, MANY)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says on a full disk
    with pytest.raises(DiskFull):
        for _ in range(MANY):
            store.add(job(), MANY)
    assert queued in store.newest(None, MANY)
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.add(job(), MANY)


def test_many_threads_take_every_job_once(store: Store) -> None:
    jobs = [job() for _ in range(20)]
    taken: list[str] = []

    def add_and_take(part: list[Job]) -> None:
        for each in part:
            store.add(each, MANY)
            found = store.take()
            assert found
            taken.append(found.id)

    threads = [threading.Thread(target=add_and_take, args=[jobs[n::4]]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(each.id for each in jobs)
