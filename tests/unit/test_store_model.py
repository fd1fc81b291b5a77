"""Whatever happens in whatever order, the store is as a plain dictionary would be."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lipsyncd.errors import KeyTaken
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED, NEXT, State
from lipsyncd.protocol.terms import Priority, Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History, Kept
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.usage import Files, Usage
from lipsyncd.queue.transitions import new_job

OWNERS, LABELS = (1, 2, 3), (None, "a", "b")
ONE = User(1, "a")
NOW = 150.0  # seconds: of the deadlines, one is before and one after
ANY = some.integers(0, 99)  # which job, modulo how many there are
SOME = some.sets(ANY, max_size=4)


class Life(RuleBasedStateMachine):
    """A store, and what has to be in it: the jobs as they came, and all that was told."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.paths = (Path(self.folder.name, f"{life}.sqlite") for life in count())
        self.jobs: dict[str, Job] = {}
        self.told: list[tuple[int, str, State]] = []
        self.seq = 0
        self.gone = dict.fromkeys(OWNERS, 0)
        self.open(next(self.paths))

    def open(self, path: Path) -> None:
        self.path, self.database = path, Database(path)
        self.store, self.history = Store(self.database), History(self.database)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def expect(self, job: Job) -> None:
        """The job is so from now on, and followers know."""
        self.jobs[job.id] = job
        self.seq += 1
        self.told.append((self.seq, job.id, job.state))

    def chosen(self, number: int) -> Job:
        return list(self.jobs.values())[number % len(self.jobs)]

    def where(self, *states: State) -> Iterator[Job]:
        return (job for job in self.jobs.values() if job.state in states)

    def over(self) -> list[Job]:
        """The ended jobs, the longest ended first."""
        return sorted(self.where(*ENDED), key=lambda job: job.ended_at or 0.0)

    @rule(
        owner=some.sampled_from(OWNERS),
        label=some.sampled_from(LABELS),
        priority=some.sampled_from(Priority),
        key=some.none() | some.sampled_from("ab"),
        face=some.sampled_from("xxxy"),
        deadline=some.none() | some.sampled_from([100.0, 200.0]),
    )
    def submit(
        self, owner: int, label: str | None, face: str, deadline: float | None, **terms: Any
    ) -> None:
        plain = new_job(owner, face, "voice", Options(), Terms(label=label, **terms))
        job = replace(plain, expires_at=deadline, spool_bytes=len(self.jobs))
        same = [each for each in self.jobs.values() if job.key and key_of(each) == key_of(job)]
        if not same:
            assert self.store.add(job) == job
            self.expect(job)
        elif same[0].face == face:
            assert self.store.add(job) == same[0]
        else:
            with pytest.raises(KeyTaken):
                self.store.add(job)

    @rule(number=ANY)
    def begin(self, number: int) -> None:
        if self.jobs:
            job = self.chosen(number)
            begun = self.store.begin(job.id)
            assert (begun is not None) == (job.state is State.QUEUED)
            if begun:
                running = {"state": State.RUNNING, "attempts": job.attempts + 1}
                assert begun == replace(job, **running, started_at=begun.started_at)
                self.expect(begun)

    @rule(number=ANY, state=some.sampled_from(State), size=some.integers(0, 9))
    def put(self, number: int, state: State, size: int) -> None:
        if self.jobs:
            job = self.chosen(number)
            end = float(self.seq) if state in ENDED else None
            new = replace(job, state=state, done=size, spool_bytes=size, ended_at=end)
            if state in NEXT[job.state]:
                self.store.put(new)
                self.expect(new)
            elif job.state is state and not job.is_ended:
                self.store.put(new)
                self.jobs[job.id] = new
            else:
                with pytest.raises(ValueError, match=r"job"):
                    self.store.put(new)

    @rule()
    def recover(self) -> None:
        left = list(self.where(State.RUNNING))
        recovered = self.store.recover()
        assert [job.id for job in recovered] == [job.id for job in left]
        for before, after in zip(left, recovered, strict=True):
            is_over = before.attempts >= 10
            assert after.state is (State.FAILED if is_over else State.QUEUED)
            assert bool(after.error and after.ended_at) == is_over
            self.expect(after)

    @rule(numbers=SOME)
    def forget(self, numbers: set[int]) -> None:
        if self.jobs:
            chosen = [self.chosen(number) for number in sorted(numbers)]
            self.history.forget([job.id for job in chosen])
            gone = {job.id for job in chosen if job.is_ended}
            for seq, job, _ in self.told:
                if job in gone:
                    self.gone[self.jobs[job].owner] = max(self.gone[self.jobs[job].owner], seq)
            self.told = [each for each in self.told if each[1] not in gone]
            for job in gone:
                del self.jobs[job]

    @rule(numbers=SOME)
    def empty(self, numbers: set[int]) -> None:
        if self.jobs:
            ids = [self.chosen(number).id for number in sorted(numbers)]
            ids = [job for job in ids if self.jobs[job].is_ended]
            self.history.emptied(ids)
            self.jobs |= {job: replace(self.jobs[job], spool_bytes=0) for job in ids}

    @rule(is_killed=some.booleans())
    def restart(self, is_killed: bool) -> None:
        path = next(self.paths) if is_killed else self.path
        if is_killed:
            for part in self.path.parent.glob(f"{self.path.name}*"):
                shutil.copy(part, str(part).replace(str(self.path), str(path)))
        self.database.close()
        self.open(path)

    @invariant()
    def every_job_is_what_it_has_to_be(self) -> None:
        assert {job: self.store.get(job) for job in self.store.states()} == self.jobs
        assert self.history.newest(None, 1000) == list(self.jobs.values())
        assert self.history.newest(1, 1000) == [job for job in self.jobs.values() if job.owner == 1]
        hers = [job for job in self.jobs.values() if job.user == ONE]
        assert self.history.newest(ONE.uid, 1000, label=ONE.label) == hers
        labelled = [job for job in self.jobs.values() if job.label == ONE.label]
        assert self.history.newest(None, 2, label=ONE.label) == labelled[-2:]
        for state in State:
            assert self.store.count(state) == len(list(self.where(state)))

    @invariant()
    def the_line_is_what_it_has_to_be(self) -> None:
        queued = list(self.where(State.QUEUED))
        late = [job for job in queued if job.expires_at and job.expires_at <= NOW]
        heads: dict[tuple[User, Priority], str] = {}
        for job in queued:
            if job not in late:
                heads.setdefault((job.user, job.priority), job.id)
        assert [each.id for each in self.store.waiting()] == [job.id for job in queued]
        assert {each.id for each in self.store.heads(NOW)} == set(heads.values())
        assert {job.id for job in self.store.overdue(NOW)} == {job.id for job in late}
        deadlines = (job.expires_at for job in queued if job.expires_at)
        assert self.store.next_deadline() == min(deadlines, default=None)

    @invariant()
    def the_figures_are_what_they_have_to_be(self) -> None:
        usage: dict[User, Usage] = {}
        for job in self.where(State.QUEUED, State.RUNNING):
            found = usage.get(job.user, Usage(0, 0))
            queued = found.queued + (job.state is State.QUEUED)
            usage[job.user] = Usage(queued, found.bytes + job.spool_bytes)
        assert self.store.usage() == usage
        files: dict[User, Files] = {}
        for job in (job for job in self.jobs.values() if job.spool_bytes):
            was, kept = files.get(job.user, Files()), job.spool_bytes * job.is_ended
            size = was.all + job.spool_bytes
            files[job.user] = Files(size, was.kept + kept, size)
        assert self.store.files() == files
        ends = [job.ended_at for job in self.where(*ENDED) if job.user == ONE and job.spool_bytes]
        assert self.store.first_kept(ONE) == min(ends, default=None)

    @invariant()
    def the_past_is_what_it_was(self) -> None:
        events = self.history.events(0, None, None, 1000)
        assert [(each.seq, each.job.id, each.job.state) for each in events] == self.told
        assert self.history.seq() == self.seq
        assert {owner: self.history.oldest(owner) for owner in OWNERS} == self.gone
        assert self.history.oldest() == max(self.gone.values())

    @invariant()
    def what_is_kept_is_what_has_to_be(self) -> None:
        over = self.over()
        kept = [Kept(j.id, j.user, j.ended_at or 0.0, j.spool_bytes) for j in over]
        assert sorted(self.history.kept(), key=str) == sorted(
            (each for each in kept if each.bytes), key=str
        )
        assert sorted(self.history.ended(None)) == sorted(job.id for job in over)
        assert self.history.records() == len(over)
        assert self.history.records_by_user() == Counter(job.user for job in over)
        hers = [job.id for job in over if job.user == ONE and not job.spool_bytes]
        assert sorted(self.history.oldest_records(ONE, 1000)) == sorted(hers)


def key_of(job: Job) -> tuple[User, str | None]:
    return job.user, job.key


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=20, stateful_step_count=30)
