"""What the store accepted is still there in the next life, in order and in its state."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from lipsyncd.errors import DiskFull, KeyTaken
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED, NEXT, State
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.order import Waiting
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.jobs import Store, Usage
from lipsyncd.queue.store.rows import CHANGING, INSERT, row_of
from lipsyncd.queue.transitions import new_job

HIGH, NORMAL, LOW = Priority
OPTIONS = Options(box=(1, 2, 3, 4), crf=20)
LATER = 86_400.0  # seconds from now


def job(owner: int = 1000, **terms: Any) -> Job:
    return new_job(owner, "speaker.mp4", "hello.wav", Options(), Terms(**terms))


def begun(store: Store, queued: Job | None = None) -> Job:
    """This job, or a new one, running."""
    found = store.begin((queued or store.add(job())).id)
    assert found
    return found


def ended(job: Job, state: State = State.SUCCEEDED, **fields: Any) -> Job:
    return move(job, state, ended_at=time.time(), **fields)


def ids(jobs: list[Job] | list[Waiting]) -> list[str]:
    return [each.id for each in jobs]


def heads(store: Store) -> list[str]:
    return sorted(ids(store.heads(time.time())))


def test_a_job_comes_back_as_it_was_stored(database: Database, path: Path) -> None:
    terms = Terms(Priority.LOW, "k\udce9y", expires=60, max_runtime=9.5)
    queued = new_job(1000, "caf\udce9.mp4", "日本.wav", OPTIONS, terms)
    queued = replace(queued, retry_of="0123456789ab", spool_bytes=7)
    store = Store(database)
    store.add(queued)
    assert store.get(queued.id) == queued
    failed = replace(
        move(queued, State.FAILED, ended_at=3.5),
        attempts=2,
        started_at=2.5,
        done=7,
        total=9,
        faces=5,
        fps=59.5,
        error={"name": "input.no_face", "retryable": False},
        result_bytes=5,
        spool_bytes=8,
    )
    store.put(failed)
    database.close()
    with closing(Database(path)) as next_life:
        assert Store(next_life).get(queued.id) == failed


def test_a_change_cannot_touch_what_was_accepted(store: Store) -> None:
    accepted = store.add(job(key="mine", expires=60))
    fixed = {field.name for field in fields(Job)} - {*CHANGING, "id"}
    other = new_job(0, "other", "other", OPTIONS, Terms(HIGH, "other", 1, 1))
    changed = {name: getattr(other, name) for name in fixed} | {"retry_of": "other", "done": 3}
    store.put(replace(accepted, **changed))
    assert store.get(accepted.id) == replace(accepted, done=3)


def test_a_job_is_begun_once_and_the_attempt_is_on_the_disk(
    store: Store, database: Database, path: Path
) -> None:
    queued = store.add(job())
    before = time.time()
    running = store.begin(queued.id)
    assert running
    assert (running.state, running.attempts) == (State.RUNNING, 1)
    assert before <= (running.started_at or 0.0) <= time.time()
    assert store.get(queued.id) == running
    assert store.begin(queued.id) is None
    assert store.begin("unknown") is None
    database.close()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT state, attempts FROM jobs").fetchall() == [("running", 1)]


def test_many_threads_begin_every_job_once(store: Store) -> None:
    waiting = [store.add(job()).id for _ in range(20)]
    begun: list[Job | None] = []

    def begin_all() -> None:
        for each in waiting:
            begun.append(store.begin(each))

    threads = [threading.Thread(target=begin_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.id for each in begun if each) == sorted(waiting)


def test_a_job_put_back_has_its_old_place(store: Store) -> None:
    first, second = store.add(job()), store.add(job())
    running = store.begin(first.id)
    assert running
    assert heads(store) == [second.id]
    store.put(move(running, State.QUEUED))
    assert heads(store) == [first.id]
    assert ids(store.waiting()) == [first.id, second.id]


@pytest.mark.parametrize("state", sorted(ENDED & NEXT[State.RUNNING]))
def test_an_end_is_final(store: Store, state: State) -> None:
    end = ended(begun(store), state, result_bytes=3)
    store.put(end)
    for other in State:
        with pytest.raises(ValueError, match=end.id):
            store.put(replace(end, state=other, done=1))
    assert store.begin(end.id) is None
    assert store.recover() == []
    assert store.get(end.id) == end


def test_a_job_cannot_end_well_that_is_not_running(store: Store) -> None:
    queued = store.add(job())
    with pytest.raises(ValueError, match="queued job cannot become succeeded"):
        store.put(replace(queued, state=State.SUCCEEDED, ended_at=1.0))
    assert store.get(queued.id) == queued


def test_a_job_that_was_never_added_cannot_be_changed(store: Store) -> None:
    with pytest.raises(ValueError):
        store.put(job())


def test_an_unknown_job_is_none(store: Store) -> None:
    for name in ("k3", "' OR 1=1 --", "", "\0", "caf\udce9", "x" * 10_000):
        assert store.get(name) is None


# Keys


def test_the_same_key_gives_the_same_job(store: Store) -> None:
    first = store.add(job(key="mine"))
    assert store.add(job(key="mine", priority=HIGH, expires=5)) == first
    assert store.by_key(User(1000), "mine") == first
    store.put(ended(begun(store, first)))
    again = store.add(job(key="mine"))
    assert (again.id, again.state) == (first.id, State.SUCCEEDED)


def test_a_key_is_its_owners_own(store: Store) -> None:
    mine, yours = store.add(job(1, key="k\udce9")), store.add(job(2, key="k\udce9"))
    assert mine.id != yours.id
    assert [store.by_key(User(owner), "k\udce9") for owner in (1, 2, 3)] == [mine, yours, None]
    assert store.by_key(User(1), "k") is None


def test_a_key_is_its_labels_own(store: Store) -> None:
    hers, his, plain = (store.add(job(1, key="k", label=label)) for label in ("a", "b", None))
    assert len({hers.id, his.id, plain.id}) == 3
    users = (User(1, "a"), User(1, "b"), User(1), User(2, "a"))
    assert [store.by_key(user, "k") for user in users] == [hers, his, plain, None]
    assert store.add(job(1, key="k", label="b")) == his


def test_a_job_without_a_key_is_like_no_other(store: Store) -> None:
    assert store.add(job()).id != store.add(job()).id


@pytest.mark.parametrize("other", [{"face": "b"}, {"voice": "c"}, {"options": OPTIONS}])
def test_a_key_is_not_for_another_job(store: Store, other: dict[str, object]) -> None:
    first = store.add(job(key="mine"))
    with pytest.raises(KeyTaken, match=first.id):
        store.add(replace(job(key="mine"), **other))
    assert ids(store.waiting()) == [first.id]


def test_many_threads_with_one_key_get_one_job(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: store.add(job(key="mine")).id, range(40)))
    assert len(set(added)) == 1
    assert store.count(State.QUEUED) == 1


# Recovery


def test_a_job_that_was_running_waits_again_in_the_next_life(
    database: Database, path: Path
) -> None:
    queued = Store(database).add(job())
    running = begun(Store(database), queued)
    Store(database).put(replace(running, done=5, total=9, faces=4, fps=3.5))
    database.close()
    with closing(Database(path)) as next_life:
        store = Store(next_life)
        recovered = store.recover()
        assert recovered == [replace(queued, attempts=1)]
        assert [store.get(queued.id)] == recovered


def test_recovery_leaves_all_other_jobs_alone(store: Store) -> None:
    waiting = store.add(job())
    over = ended(begun(store))
    store.put(over)
    assert store.recover() == []
    assert [store.get(each.id) for each in (waiting, over)] == [waiting, over]


def test_a_job_that_no_life_of_the_daemon_ends_fails_at_the_tenth(store: Store) -> None:
    unlucky, other = store.add(job()), store.add(job())
    for _ in range(9):
        begun(store, unlucky)
        assert store.recover()[0].state is State.QUEUED
    begun(store, unlucky)
    assert store.recover() == [found := store.get(unlucky.id)]
    assert found and found.error and found.ended_at
    assert (found.state, found.attempts) == (State.FAILED, 10)
    assert (found.error["name"], found.error["code"]) == ("job.interrupted", 70)
    assert heads(store) == [other.id]


def test_all_jobs_that_ran_wait_again(store: Store) -> None:
    running = [begun(store) for _ in range(3)]
    assert ids(store.recover()) == ids(running)
    assert heads(store) == [running[0].id]


# The line


def test_the_heads_are_the_oldest_of_each_user_and_priority(store: Store) -> None:
    def added(owner: int, priority: Priority) -> Job:
        return store.add(job(owner, priority=priority))

    first = [added(owner, priority) for owner in (2, 1) for priority in (LOW, NORMAL, HIGH)]
    for owner in (1, 2):
        for priority in Priority:
            added(owner, priority)
    running = begun(store, first[0])
    second = next(w for w in store.waiting() if (w.user.uid, w.priority) == (2, LOW))
    assert heads(store) == sorted([second.id, *ids(first[1:])])
    store.put(move(running, State.QUEUED))
    assert heads(store) == sorted(ids(first))
    assert store.heads(time.time())[0] in store.waiting()


def test_a_head_tells_what_the_order_has_to_know(store: Store) -> None:
    store.add(job())
    second = store.add(job(3, priority=HIGH))
    expected = Waiting(second.id, User(3), HIGH, second.queued_at, sequence=2)
    assert expected in store.heads(time.time())
    assert store.waiting()[1] == expected


def test_a_job_that_expired_is_no_head(store: Store) -> None:
    late, next_one = store.add(job(expires=5)), store.add(job())
    deadline = late.expires_at or 0.0
    assert ids(store.heads(deadline - 0.1)) == [late.id]
    assert ids(store.heads(deadline)) == [next_one.id]
    assert store.overdue(deadline - 0.1) == []
    assert store.overdue(deadline) == [late]
    assert ids(store.waiting()) == [late.id, next_one.id]


def test_the_next_deadline_is_the_first_of_those_that_wait(store: Store) -> None:
    assert store.next_deadline() is None
    store.add(job())
    jobs = [store.add(job(expires=seconds)) for seconds in (30, 10, 20)]
    assert store.next_deadline() == jobs[1].expires_at
    begun(store, jobs[1])
    assert store.next_deadline() == jobs[2].expires_at
    assert store.overdue(time.time() + LATER) in ([jobs[0], jobs[2]], [jobs[2], jobs[0]])


@pytest.mark.parametrize("question", ["heads", "count", "next_deadline", "overdue"])
def test_a_long_queue_costs_no_more_than_a_short_one(
    store: Store, database: Database, question: str
) -> None:
    def ask() -> None:
        arguments = {"heads": [time.time()], "count": [State.RUNNING], "overdue": [0.0]}
        getattr(store, question)(*arguments.get(question, []))

    fill(database, 30)
    few = steps(database, ask)
    fill(database, 3000)
    assert steps(database, ask) <= few + 1


def fill(database: Database, count: int) -> None:
    """So many more jobs in the queue, of six users."""
    with database.transaction() as db:
        db.executemany(
            INSERT, [row_of(job(n % 3, label="ab"[n % 2], expires=LATER)) for n in range(count)]
        )


def steps(database: Database, ask: Callable[[], None]) -> int:
    """What a question costs, in hundreds of steps of SQLite's machine."""
    taken: list[None] = []
    database._db.set_progress_handler(lambda: taken.append(None), 100)
    ask()
    database._db.set_progress_handler(None, 0)
    return len(taken)


# Figures


def test_jobs_are_counted_by_state_and_owner(store: Store) -> None:
    for owner in (1, 1, 2):
        store.add(job(owner))
    begun(store, store.add(job(1)))
    store.put(ended(begun(store, store.add(job(2))), State.FAILED))
    assert [store.count(state) for state in (State.QUEUED, State.RUNNING)] == [3, 1]
    assert [store.count(State.QUEUED, owner) for owner in (1, 2, 3)] == [2, 1, 0]
    assert [store.count(State.FAILED, owner) for owner in (1, 2)] == [0, 1]


def test_usage_counts_what_waits_and_the_bytes_of_what_has_not_ended(store: Store) -> None:
    def added(owner: int, size: int) -> Job:
        return store.add(replace(job(owner), spool_bytes=size))

    assert store.usage() == {}
    added(1, 10)
    running, over = begun(store, added(1, 100)), begun(store, added(2, 1000))
    store.put(ended(over))
    assert store.usage() == {User(1): Usage(queued=1, bytes=110)}
    store.set_bytes(running.id, 5)
    assert store.usage() == {User(1): Usage(queued=1, bytes=15)}
    found = store.get(running.id)
    assert found and found.spool_bytes == 5


def test_the_state_of_every_job_is_known(store: Store) -> None:
    waits, runs = store.add(job()), begun(store)
    store.put(over := ended(begun(store), State.CANCELLED))
    assert store.states() == {waits.id: "queued", runs.id: "running", over.id: "cancelled"}


# The clock


def test_when_the_clock_is_set_no_job_is_older_for_it(store: Store) -> None:
    waits, runs = store.add(job(expires=60, max_runtime=9)), begun(store)
    store.put(over := ended(begun(store)))
    store.shift(3600.5, "clock", "an hour ahead")
    assert store.note("clock") == "an hour ahead"
    moved = store.get(waits.id)
    names = ("created_at", "queued_at", "expires_at")
    assert moved == replace(waits, **{each: getattr(waits, each) + 3600.5 for each in names})
    for each in (runs, over):
        found = store.get(each.id)
        assert found
        for name in ("created_at", "started_at", "ended_at"):
            before, after = getattr(each, name), getattr(found, name)
            assert after == (None if before is None else pytest.approx(before + 3600.5, abs=1e-3))


# Notes


def test_a_note_is_kept_until_it_is_taken_back(database: Database, path: Path) -> None:
    store = Store(database)
    assert store.note("drained") is None
    store.set_note("drained", "because")
    store.set_note("drained", "the disk is slow: é")
    store.set_note("other", "")
    database.close()
    with closing(Database(path)) as next_life:
        store = Store(next_life)
        assert [store.note(name) for name in ("drained", "other")] == ["the disk is slow: é", ""]
        store.set_note("drained", None)
        store.set_note("drained", None)
        assert store.note("drained") is None


def test_a_note_that_is_written_again_is_written(store: Store, path: Path) -> None:
    """So that it can be tried out whether the disk takes anything."""
    log = path.with_name("jobs.sqlite-wal")
    store.set_note("trial", "")
    before = log.stat().st_size
    store.set_note("trial", "")
    assert log.stat().st_size > before


# Disks


def test_a_full_disk_changes_nothing(store: Store, database: Database) -> None:
    queued, running = store.add(job()), begun(store)
    (pages,) = database._db.execute("PRAGMA page_count").fetchone()
    database._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says on a full disk
    with pytest.raises(DiskFull):
        for _ in range(1000):
            store.add(job())
    before = store.states()
    large = {"name": "internal", "message": "x" * 100_000}
    with pytest.raises(DiskFull):
        store.put(ended(running, State.FAILED, error=large))
    assert store.states() == before
    assert [store.get(each.id) for each in (queued, running)] == [queued, running]
    database._db.execute("PRAGMA max_page_count = 1000000")
    store.put(ended(running, State.FAILED, error=large))
