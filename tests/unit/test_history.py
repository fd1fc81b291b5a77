"""Every change of a job's state is told once and in order, and the past can be forgotten."""

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lipsyncd.errors import DiskFull
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED, NEXT, State
from lipsyncd.protocol.terms import Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import Event, History, Kept
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import new_job

ALL = 1000


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def job(owner: int = 1000, **terms: Any) -> Job:
    return new_job(owner, "speaker.mp4", "hello.wav", Options(), Terms(**terms))


def begun(store: Store, queued: Job) -> Job:
    found = store.begin(queued.id)
    assert found
    return found


def over(store: Store, owner: int = 1000, at: float = 0.0, size: int = 0) -> Job:
    """A job that succeeded at this time, with so many bytes."""
    running = begun(store, store.add(job(owner)))
    end = move(running, State.SUCCEEDED, ended_at=at or time.time(), spool_bytes=size)
    store.put(end)
    return end


def told(history: History, since: int = 0, limit: int = ALL, **which: Any) -> list[Event]:
    return history.events(since, which.get("owner"), which.get("job"), limit)


def changes(events: list[Event]) -> list[tuple[str, str]]:
    return [(each.job.id, str(each.job.state)) for each in events]


# Lists


def test_a_list_holds_the_owners_last_jobs_the_newest_last(store: Store, history: History) -> None:
    mine = [store.add(job(owner=1)) for _ in range(3)]
    other = store.add(job(owner=2))
    assert history.newest(1, limit=2) == mine[1:]
    assert history.newest(None, limit=10) == [*mine, other]
    assert history.newest(3, limit=10) == []


def test_a_list_goes_on_page_by_page(store: Store, history: History) -> None:
    mine = []
    for _ in range(5):
        mine.append(store.add(job(owner=1)))
        store.add(job(owner=2))
    pages = [history.newest(1, 2)]
    while pages[0]:
        pages.insert(0, history.newest(1, 2, before=pages[0][0].id))
    assert [len(page) for page in pages] == [0, 1, 2, 2]
    assert [each for page in pages for each in page] == mine


def test_nobody_learns_from_a_page_that_anothers_job_exists(store: Store, history: History) -> None:
    store.add(job(owner=1))
    theirs = store.add(job(owner=2))
    for before in (theirs.id, "unknown", "", "\udce9"):
        assert history.newest(1, 10, before) == []


# Events


def test_every_change_is_told_once_and_in_order(store: Store, history: History) -> None:
    first, second = store.add(job()), store.add(job())
    running = begun(store, first)
    store.put(replace(running, done=3))  # no change of state
    store.put(move(running, State.QUEUED))
    end = move(begun(store, first), State.SUCCEEDED, ended_at=1.0)
    store.put(end)
    begun(store, second)
    store.recover()
    events = told(history)
    assert changes(events) == [
        (first.id, "queued"),
        (second.id, "queued"),
        (first.id, "running"),
        (first.id, "queued"),
        (first.id, "running"),
        (first.id, "succeeded"),
        (second.id, "running"),
        (second.id, "queued"),
    ]
    assert [each.seq for each in events] == list(range(1, 9))
    assert [each.at for each in events] == sorted(each.at for each in events)
    assert events[2].job == replace(end, state=State.RUNNING)


def test_who_comes_back_learns_what_happened_meanwhile(store: Store, history: History) -> None:
    store.add(job())
    left = history.seq()
    meanwhile = [store.add(job()) for _ in range(3)]
    assert changes(told(history, left, limit=2)) == [(each.id, "queued") for each in meanwhile[:2]]
    assert changes(told(history, left + 2)) == [(meanwhile[2].id, "queued")]
    assert told(history, history.seq()) == []
    assert told(history, history.seq() + 99) == []


def test_only_what_is_asked_for_is_told(store: Store, history: History) -> None:
    mine, also_mine, theirs = (store.add(job(owner)) for owner in (1, 1, 2))
    begun(store, mine)
    assert {each.job.id for each in told(history, owner=1)} == {mine.id, also_mine.id}
    assert changes(told(history, owner=2)) == [(theirs.id, "queued")]
    assert changes(told(history, job=mine.id)) == [(mine.id, "queued"), (mine.id, "running")]
    assert told(history, job=mine.id, owner=2) == []
    assert told(history, job="\udce9") == []


def test_a_job_that_is_accepted_again_under_its_key_did_not_happen_twice(
    store: Store, history: History
) -> None:
    for _ in range(3):
        store.add(job(key="mine"))
    assert history.seq() == 1


def test_what_could_not_be_written_did_not_happen(
    store: Store, history: History, database: Database
) -> None:
    running = begun(store, store.add(job()))
    (pages,) = database._db.execute("PRAGMA page_count").fetchone()
    database._db.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says on a full disk
    before = changes(told(history))
    with pytest.raises(DiskFull):
        store.put(move(running, State.FAILED, ended_at=1.0, error={"message": "x" * 100_000}))
    assert changes(told(history)) == before


def test_a_follower_beside_many_writers_misses_nothing(store: Store, history: History) -> None:
    def write() -> None:
        for _ in range(10):
            over(store)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    heard: list[Event] = []
    while len(heard) < 4 * 10 * 3:
        heard += told(history, heard[-1].seq if heard else 0, limit=7)
    for writer in writers:
        writer.join()
    assert heard == [replace(each, job=heard[n].job) for n, each in enumerate(told(history))]
    assert [each.seq for each in heard] == list(range(1, len(heard) + 1))


def test_numbers_go_on_in_the_next_life(database: Database, path: Path) -> None:
    store, history = Store(database), History(database)
    assert (history.seq(), history.oldest()) == (0, 0)
    last = over(store)
    history.forget([last.id])
    assert history.seq() == 3
    database.close()
    with closing(Database(path)) as next_life:
        assert (History(next_life).seq(), History(next_life).oldest()) == (3, 3)
        Store(next_life).add(job())
        assert [each.seq for each in told(History(next_life))] == [4]


def test_the_clock_moves_what_happened(store: Store, history: History) -> None:
    store.add(job())
    (before,) = told(history)
    store.shift(-50, "clock", "")
    (after,) = told(history)
    assert after.at == pytest.approx(before.at - 50, abs=1e-3)


# Forgetting


def test_who_missed_what_was_forgotten_can_tell(store: Store, history: History) -> None:
    first, second = over(store), over(store)
    assert history.oldest() == 0
    history.forget([first.id])
    assert changes(told(history)) == [
        (second.id, state) for state in ("queued", "running", "succeeded")
    ]
    assert history.oldest() == 3
    history.forget([second.id])
    assert history.oldest() == history.seq() == 6


def test_what_was_forgotten_first_may_have_happened_last(store: Store, history: History) -> None:
    first, second = over(store), over(store)
    for each in (second, first):
        history.forget([each.id])
        assert history.oldest() == 6


def test_of_what_is_forgotten_nothing_stays(
    store: Store, history: History, database: Database
) -> None:
    kept, *gone = [over(store) for _ in range(3)]
    history.forget([each.id for each in gone])
    with database.transaction() as db:
        (jobs,) = db.execute("SELECT count(*) FROM jobs").fetchone()
        (events,) = db.execute("SELECT count(*) FROM happenings").fetchone()
    assert (jobs, events) == (1, 3)
    assert history.newest(None, ALL) == [kept]


def test_what_one_user_forgets_another_did_not_miss(store: Store, history: History) -> None:
    over(store, owner=1)
    history.forget([over(store, owner=2).id, over(store, owner=2).id])
    assert [history.oldest(owner) for owner in (1, 2, 3, None)] == [0, 9, 0, 9]


def test_only_what_ended_is_forgotten(store: Store, history: History) -> None:
    waits, runs, done = store.add(job()), begun(store, store.add(job())), over(store)
    kept = changes(told(history, job=waits.id) + told(history, job=runs.id))
    history.forget([waits.id, runs.id, done.id, "unknown"])
    assert history.newest(None, ALL) == [waits, runs]
    assert sorted(changes(told(history))) == sorted(kept)


def test_the_key_of_a_forgotten_job_is_free(store: Store, history: History) -> None:
    first = store.add(job(key="mine"))
    store.put(move(first, State.CANCELLED, ended_at=1.0))
    history.forget([first.id])
    assert store.by_key(User(1000), "mine") is None
    assert store.add(job(key="mine")).id != first.id


def test_a_retry_outlives_what_it_retried(store: Store, history: History) -> None:
    failed = over(store)
    again = store.add(replace(job(), retry_of=failed.id))
    history.forget([failed.id])
    assert store.get(again.id) == again


def test_all_are_forgotten_or_none(store: Store, history: History, database: Database) -> None:
    jobs = [over(store).id for _ in range(3)]
    with database.transaction() as db:
        refuse = f"SELECT RAISE(ABORT, 'no') WHERE old.id = '{jobs[2]}'"
        db.execute(f"CREATE TRIGGER fault BEFORE DELETE ON jobs BEGIN {refuse}; END")
    with pytest.raises(Exception, match="no"):
        history.forget(jobs)
    assert history.records() == 3
    assert len(told(history)) == 9
    assert history.oldest() == 0


# Files


def test_what_is_kept_is_told_the_longest_ended_first(store: Store, history: History) -> None:
    late, early = over(store, 1, at=20, size=5), over(store, 2, at=10, size=7)
    over(store, at=5, size=0)
    store.add(replace(job(), spool_bytes=9))
    kept = [Kept(early.id, User(2), 10, 7), Kept(late.id, User(1), 20, 5)]
    assert history.kept() == kept
    history.emptied([early.id, "unknown"])
    assert history.kept() == kept[1:]
    found = store.get(early.id)
    assert found == replace(early, spool_bytes=0)


@pytest.mark.parametrize("state", sorted(ENDED & NEXT[State.RUNNING]))
def test_the_files_of_every_kind_of_end_are_told(
    store: Store, history: History, state: State
) -> None:
    running = begun(store, store.add(job()))
    store.put(move(running, state, ended_at=1.0, spool_bytes=4))
    assert [each.id for each in history.kept()] == history.ended(None) == [running.id]


def test_records_are_told_the_longest_ended_first(store: Store, history: History) -> None:
    late, early, middle = (over(store, owner, at) for owner, at in ((1, 30), (2, 10), (1, 20)))
    store.add(job())
    assert history.records() == 3
    assert history.records_by_user() == {User(2): 1, User(1): 2}
    assert list(history.records_by_user()) == [User(2), User(1)]
    assert history.oldest_records(User(1), 1) == [middle.id]
    assert history.oldest_records(User(1), 9) == [middle.id, late.id]
    assert history.oldest_records(User(3), 9) == []
    assert history.ended(None) == [early.id, middle.id, late.id]
    assert [history.ended(owner) for owner in (1, 2, 3)] == [[middle.id, late.id], [early.id], []]
