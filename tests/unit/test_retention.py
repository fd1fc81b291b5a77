"""What ended jobs leave is kept within bounds, goes from who has the most, and never too soon."""

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsyncd.config import Config, LiveConfig
from lipsyncd.config import Retention as Rules
from lipsyncd.errors import JobNotEnded, NoResult
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.recovery import recover
from lipsyncd.queue.retention import Retention, in_the_way, is_young, overdue
from lipsyncd.queue.snapshot import Opened
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History, Kept
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import new_job

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3600.0
AMPLE = Rules(max_age_hours=24, max_results=100, max_bytes=1000, grace_minutes=10)
RESULT, WORK = b"a result", b"parts"
SPARE = 10 + len(WORK)  # bytes beside a result
ALICE, BOB = 1000, 2000


class Shelf:
    """A real store and spool, and retention over both."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.live_config = LiveConfig(Config(retention=AMPLE))
        self.database = Database(directory / "jobs.sqlite")
        self.store, self.history = Store(self.database), History(self.database)
        self.spool = Spool(directory / "spool", self.live_config)
        self.retention = Retention(self.history, self.spool, self.live_config)

    def rule(self, **rules: int) -> None:
        self.live_config.config = Config(retention=replace(AMPLE, **rules))

    def queue(self, owner: int = ALICE, **terms: Any) -> Job:
        """A job that waits."""
        job = new_job(owner, "face", "voice", Options(), Terms(**terms))
        with (self.directory / "input").open("w+b") as file:
            file.write(b"input")
            file.flush()
            size = self.spool.admit(job.id, Opened(file.fileno(), file.fileno()))
        self.store.add(replace(job, spool_bytes=size))
        self.spool.accept(job.id)
        return replace(job, spool_bytes=size)

    def end(
        self,
        age: float,
        state: State = State.SUCCEEDED,
        owner: int = ALICE,
        **terms: Any,
    ) -> Job:
        """A job that ended so many seconds before NOW."""
        job = self.store.begin(self.queue(owner, **terms).id)
        assert job
        if state is State.SUCCEEDED:
            self.spool.paths(job.id).result.write_bytes(RESULT)
            self.spool.paths(job.id).work.write_bytes(WORK)
        self.spool.tidy(job.id, state)
        if state is State.CANCELLED:  # and so long ago that its inputs went
            self.spool.discard(job.id)
        size = self.spool.bytes_of(job.id)
        made = {"result_bytes": len(RESULT)} if state is State.SUCCEEDED else {}
        ended = move(job, state, ended_at=NOW - age, spool_bytes=size, **made)
        self.store.put(ended)
        return ended

    def files_of(self, job: Job) -> list[str]:
        return sorted(path.name for path in (self.directory / "spool" / job.id).iterdir())

    def has_files(self, *jobs: Job) -> list[bool]:
        return [(self.directory / "spool" / job.id).exists() for job in jobs]

    def is_known(self, *jobs: Job) -> list[bool]:
        return [self.store.get(job.id) is not None for job in jobs]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.database.close()


# What goes


def kept(*ages: float, size: int = 1, owner: int = ALICE) -> list[Kept]:
    """Jobs that ended so many seconds before NOW; the numbers of their ids count from 0."""
    return [Kept(str(number), User(owner), NOW - age, size) for number, age in enumerate(ages)]


def together(*parts: list[Kept]) -> list[Kept]:
    """What several users have; the ids begin with the uid."""
    every = [replace(each, id=f"{each.user.uid}-{each.id}") for part in parts for each in part]
    return sorted(every, key=lambda each: each.ended_at)


def gone(found: list[Kept], **rules: int) -> list[str]:
    return [each.id for each in overdue(found, NOW, replace(AMPLE, **rules))]


def test_within_all_bounds_everything_is_kept() -> None:
    assert gone(kept(23 * HOUR, HOUR, 0)) == []
    assert gone([]) == []


def test_what_is_too_old_goes() -> None:
    assert gone(kept(25 * HOUR, 24 * HOUR, 23 * HOUR)) == ["0", "1"]


def test_of_too_many_the_longest_ended_go() -> None:
    assert gone(kept(4 * HOUR, 3 * HOUR, 2 * HOUR), max_results=1) == ["0", "1"]


def test_of_too_large_ones_as_many_go_as_have_to() -> None:
    assert gone(kept(4 * HOUR, 3 * HOUR, 2 * HOUR, size=400)) == ["0"]
    assert gone(kept(2 * HOUR, size=1001)) == ["0"]


@pytest.mark.parametrize("rules", [{"max_results": 0}, {"max_bytes": 0}])
def test_nothing_goes_within_its_grace(rules: dict[str, int]) -> None:
    assert gone(kept(11 * MINUTE, 10 * MINUTE, 9 * MINUTE, -HOUR), **rules) == ["0", "1"]


def test_a_grace_beyond_the_age_holds() -> None:
    assert gone(kept(49 * HOUR, 47 * HOUR), grace_minutes=48 * 60) == ["0"]


def test_who_has_the_most_loses_the_oldest_of_his() -> None:
    hers, his = kept(9 * HOUR), kept(*[8 * HOUR] * 5, owner=BOB)
    assert gone(together(hers, his), max_results=3) == [f"{BOB}-{number}" for number in range(3)]
    assert gone(together(hers, his), max_results=1) == [f"{BOB}-{number}" for number in range(5)]
    large = kept(8 * HOUR, 7 * HOUR, owner=BOB, size=600)
    assert gone(together(hers, large), max_bytes=1000) == [f"{BOB}-0"]


def test_many_small_ones_do_not_push_out_few_large_ones_of_another_by_their_number() -> None:
    hers, his = kept(9 * HOUR, size=500), kept(*[8 * HOUR] * 4, owner=BOB)
    assert gone(together(hers, his), max_results=2) == [f"{BOB}-{number}" for number in range(3)]
    assert gone(together(hers, his), max_bytes=100) == [f"{ALICE}-0"]


def test_what_one_user_keeps_has_a_bound_that_costs_nobody_else_anything() -> None:
    hers, his = kept(9 * HOUR, size=50), kept(8 * HOUR, 7 * HOUR, 6 * HOUR, owner=BOB, size=40)
    assert gone(together(hers, his), max_bytes_per_user=80) == [f"{BOB}-0"]
    assert gone(together(hers, his), max_bytes_per_user=49) == [
        f"{ALICE}-0",
        f"{BOB}-0",
        f"{BOB}-1",
    ]


def test_what_is_too_young_to_go_costs_nobody_else_a_file() -> None:
    hers, his = kept(9 * HOUR), kept(*[MINUTE] * 50, owner=BOB)
    assert gone(together(hers, his), max_results=2) == []
    assert gone(together(hers, his), max_results=1) == []


@given(
    parts=st.lists(st.lists(st.tuples(st.floats(-HOUR, 72 * HOUR), st.integers(1, 100)))),
    rules=st.builds(
        Rules,
        max_age_hours=st.integers(1, 72),
        max_results=st.integers(0, 20),
        max_bytes=st.integers(0, 1000),
        max_bytes_per_user=st.integers(0, 300),
        grace_minutes=st.integers(0, 72 * 60),
    ),
)
def test_of_many_users_what_stays_is_within_the_bounds_or_young_and_each_loses_his_oldest(
    parts: list[list[tuple[float, int]]], rules: Rules
) -> None:
    found = together(
        *(
            [Kept(str(at), User(owner), NOW - age, size) for at, (age, size) in enumerate(part)]
            for owner, part in enumerate(parts)
        )
    )
    removed = overdue(found, NOW, rules)
    left = [each for each in found if each not in removed]
    old = [each for each in left if not is_young(each, NOW, rules)]
    assert not any(is_young(each, NOW, rules) for each in removed)
    assert len(old) <= rules.max_results
    assert sum(each.bytes for each in old) <= rules.max_bytes
    assert all(NOW - each.ended_at < HOUR * rules.max_age_hours for each in old)
    for owner in range(len(parts)):
        mine = [each for each in found if each.user.uid == owner]
        assert [each for each in mine if each in removed] == mine[: sum(e in removed for e in mine)]
        if any(each.user.uid == owner for each in old):
            assert sum(e.bytes for e in left if e.user.uid == owner) <= rules.max_bytes_per_user


@given(
    ages=st.lists(st.floats(-HOUR, 72 * HOUR), max_size=20),
    size=st.integers(1, 100),
    rules=st.builds(
        Rules,
        max_age_hours=st.integers(1, 72),
        max_results=st.integers(0, 20),
        max_bytes=st.integers(0, 1000),
        grace_minutes=st.integers(0, 72 * 60),
    ),
)
def test_what_stays_is_within_the_bounds_or_young(
    ages: list[float], size: int, rules: Rules
) -> None:
    found = kept(*sorted(ages, reverse=True), size=size)
    removed = overdue(found, NOW, rules)
    left = found[len(removed) :]
    assert removed == found[: len(removed)]
    assert not any(is_young(each, NOW, rules) for each in removed)
    old = [each for each in left if not is_young(each, NOW, rules)]
    if old:
        assert all(NOW - each.ended_at < HOUR * rules.max_age_hours for each in old)
        assert len(left) <= rules.max_results
        assert size * len(left) <= rules.max_bytes


# What becomes of it


def test_a_result_whose_time_is_over_goes_and_its_record_stays(shelf: Shelf) -> None:
    old, young = shelf.end(25 * HOUR), shelf.end(HOUR)
    shelf.retention.apply(NOW)
    assert shelf.has_files(old, young) == [False, True]
    assert shelf.is_known(old, young) == [True, True]
    assert [each.id for each in shelf.history.kept()] == [young.id]
    with pytest.raises(NoResult, match="removed when its time was over"):
        shelf.spool.open_result(old.id)


def test_the_inputs_of_a_failed_job_count_and_go_like_a_result(shelf: Shelf) -> None:
    older, younger = (shelf.end(hours * HOUR, State.FAILED) for hours in (3, 2))
    result = shelf.end(HOUR)
    shelf.rule(max_bytes=10 + len(RESULT))
    shelf.retention.apply(NOW)
    assert shelf.has_files(older, younger, result) == [False, True, True]


def test_what_a_redo_needs_is_kept_while_there_is_room_and_goes_before_any_result(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    older, younger = shelf.end(2 * HOUR), shelf.end(HOUR)
    shelf.rule(max_bytes=2 * (SPARE + len(RESULT)))
    shelf.retention.apply(NOW)
    assert shelf.files_of(older) == shelf.files_of(younger) == ["face", "result", "voice", "work"]
    shelf.rule(max_bytes=2 * (SPARE + len(RESULT)) - 1)
    with caplog.at_level(logging.INFO):
        shelf.retention.apply(NOW)
        shelf.retention.apply(NOW)
    assert (shelf.files_of(older), len(shelf.files_of(younger))) == (["result"], 4)
    assert [each.bytes for each in shelf.history.kept()] == [len(RESULT), SPARE + len(RESULT)]
    (told,) = [each.getMessage() for each in caplog.records]
    assert told == "jobs: of 1 no stretch can be redone any more, its files gave room, 0.0 MiB"
    shelf.rule(max_bytes=2 * len(RESULT))
    shelf.retention.apply(NOW)
    assert shelf.files_of(older) == shelf.files_of(younger) == ["result"]


def test_a_result_costs_another_users_redo_nothing_while_its_owner_has_more(shelf: Shelf) -> None:
    hers = shelf.end(9 * HOUR)
    his = [shelf.end(hours * HOUR, owner=BOB) for hours in (3, 2)]
    shelf.rule(max_bytes=3 * len(RESULT) + 2 * SPARE)
    shelf.retention.apply(NOW)
    assert [len(shelf.files_of(job)) for job in (hers, *his)] == [4, 1, 4]
    shelf.rule(max_bytes_per_user=2 * len(RESULT))
    shelf.retention.apply(NOW)
    assert [len(shelf.files_of(job)) for job in (hers, *his)] == [1, 1, 1]


def test_what_a_redo_needs_has_no_grace_and_takes_no_more_than_is_left_of_the_disk() -> None:
    found = [Kept(str(number), User(ALICE), NOW - number, 110, 100) for number in (2, 1, 0)]
    rules = replace(AMPLE, grace_minutes=60)
    for room, first in ((300, 0), (299, 1), (101, 1), (99, 2), (0, 2), (-100, 2), (-101, 3)):
        assert in_the_way(found, rules, room) == found[:first], room


def test_a_job_whose_spare_files_went_before_the_record_says_so_loses_no_result(
    shelf: Shelf, tmp_path: Path
) -> None:
    job = shelf.end(HOUR)
    shelf.spool.spare(job.id)  # and there it died
    shelf.database.close()
    shelf = Shelf(tmp_path)
    assert recover(shelf.store, shelf.spool) == ""
    shelf.rule(max_bytes=len(RESULT))
    shelf.retention.apply(NOW)
    assert [(each.bytes, each.spare) for each in shelf.history.kept()] == [(len(RESULT), 0)]
    assert shelf.files_of(job) == ["result"]
    shelf.database.close()


def test_jobs_that_have_not_ended_are_none_of_its_business(shelf: Shelf) -> None:
    waiting, running = shelf.queue(), shelf.queue()
    shelf.store.begin(running.id)
    shelf.rule(max_results=0, max_bytes=0, max_records=1, grace_minutes=0)
    shelf.retention.apply(NOW + 1000 * HOUR)
    assert shelf.has_files(waiting, running) == [True, True]
    assert shelf.is_known(waiting, running) == [True, True]


def test_of_too_many_records_those_without_files_are_forgotten_the_longest_ended_first(
    shelf: Shelf,
) -> None:
    result, first = shelf.end(5 * HOUR), shelf.end(4 * HOUR, State.CANCELLED)
    second, third = shelf.end(3 * HOUR, State.CANCELLED), shelf.end(2 * HOUR, State.CANCELLED)
    shelf.rule(max_records=2)
    shelf.retention.apply(NOW)
    assert shelf.is_known(result, first, second, third) == [True, False, False, True]


def test_a_flood_of_one_user_costs_another_neither_result_nor_record_nor_key(
    shelf: Shelf,
) -> None:
    result, cancelled = shelf.end(9 * HOUR, key="hers"), shelf.end(8 * HOUR, State.CANCELLED)
    flood = [shelf.end(7 * HOUR, State.CANCELLED, BOB) for _ in range(4)]
    flood += [shelf.end(6 * HOUR, owner=BOB) for _ in range(4)]
    shelf.rule(max_results=2, max_records=4)
    shelf.retention.apply(NOW)
    assert shelf.has_files(result, *flood) == [True] + 7 * [False] + [True]
    assert shelf.is_known(result, cancelled, *flood) == 2 * [True] + 6 * [False] + 2 * [True]
    assert shelf.store.by_key(User(ALICE), "hers") == result


def test_a_flood_of_one_label_costs_another_of_its_uid_neither_result_nor_record(
    shelf: Shelf,
) -> None:
    result, cancelled = (
        shelf.end(age, state, label="anna")
        for age, state in ((9 * HOUR, State.SUCCEEDED), (8 * HOUR, State.CANCELLED))
    )
    flood = [shelf.end(6 * HOUR, label="ben") for _ in range(4)]
    shelf.rule(max_results=2, max_records=3)
    shelf.retention.apply(NOW)
    assert shelf.has_files(result, *flood) == [True] + 3 * [False] + [True]
    assert shelf.is_known(result, cancelled, *flood) == 2 * [True] + 3 * [False] + [True]


def test_who_has_nothing_that_may_go_costs_nobody_else_a_record(shelf: Shelf) -> None:
    cancelled = shelf.end(9 * HOUR, State.CANCELLED)
    results = [shelf.end(MINUTE, owner=BOB) for _ in range(3)]
    shelf.rule(max_records=2)
    shelf.retention.apply(NOW)
    assert all(shelf.is_known(cancelled, *results))


def test_a_flood_of_records_costs_nobody_a_result(shelf: Shelf) -> None:
    result = shelf.end(5 * HOUR)
    for _ in range(5):
        shelf.end(MINUTE, State.CANCELLED)
    shelf.rule(max_records=1)
    shelf.retention.apply(NOW)
    assert (shelf.is_known(result), shelf.has_files(result)) == ([True], [True])


def test_what_was_removed_is_told_once(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.end(25 * HOUR)
    shelf.end(26 * HOUR)
    with caplog.at_level(logging.INFO):
        shelf.retention.apply(NOW)
        shelf.retention.apply(NOW)
    (told,) = caplog.records
    assert told.getMessage() == "jobs: files of 2 were kept long enough and are removed, 0.0 MiB"
    assert told.fields["LIPSYNCD_BYTES"] == str(2 * (SPARE + len(RESULT)))


def test_files_go_although_the_store_cannot_say_so_yet(shelf: Shelf) -> None:
    job = shelf.end(25 * HOUR)
    db = shelf.database._db
    db.execute("CREATE TEMP TRIGGER stuck BEFORE UPDATE ON jobs BEGIN SELECT RAISE(FAIL, ''); END")
    with pytest.raises(sqlite3.Error):
        shelf.retention.apply(NOW)
    assert shelf.has_files(job) == [False]
    assert [each.id for each in shelf.history.kept()] == [job.id]
    db.execute("DROP TRIGGER stuck")
    shelf.retention.apply(NOW)
    assert shelf.history.kept() == []


# What is removed by order


def test_a_clean_leaves_nothing_of_ended_jobs_however_young(shelf: Shelf) -> None:
    jobs = [shelf.end(0), shelf.end(0, State.FAILED), shelf.end(0, State.CANCELLED)]
    other = shelf.end(0)
    assert shelf.retention.clean(jobs) == (3, SPARE + len(RESULT) + 10)
    assert shelf.is_known(*jobs, other) == [False, False, False, True]
    assert shelf.has_files(*jobs, other) == [False, False, False, True]


def test_a_clean_of_a_job_that_has_not_ended_removes_nothing_at_all(shelf: Shelf) -> None:
    ended, waiting = shelf.end(0), shelf.queue()
    with pytest.raises(JobNotEnded, match=f"{waiting.id} is queued"):
        shelf.retention.clean([ended, waiting])
    assert shelf.is_known(ended, waiting) == [True, True]
    assert shelf.has_files(ended, waiting) == [True, True]


def test_a_clean_of_nothing_is_silent(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert shelf.retention.clean([]) == (0, 0)
    assert caplog.records == []


def test_a_daemon_that_dies_between_the_files_and_the_record_leaves_neither(
    shelf: Shelf, tmp_path: Path
) -> None:
    old, cleaned = shelf.end(25 * HOUR), shelf.end(HOUR)
    for job in (old, cleaned):
        shelf.spool.discard(job.id)  # and there it died
    shelf.database.close()
    shelf = Shelf(tmp_path)
    assert recover(shelf.store, shelf.spool) == ""
    shelf.retention.apply(NOW)
    assert [each.id for each in shelf.history.kept()] == [cleaned.id]
    found = shelf.store.get(cleaned.id)
    assert found and shelf.retention.clean([found]) == (1, 0)
    assert list((tmp_path / "spool").iterdir()) == []
    shelf.database.close()
