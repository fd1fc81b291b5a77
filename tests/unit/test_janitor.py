"""The janitor ends what waits in vain, on time by a clock that may be set, and never gives up."""

import gc
import logging
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from lipsyncd.config import Config, Limits, LiveConfig
from lipsyncd.config import Retention as Rules
from lipsyncd.protocol.job import Job, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Terms
from lipsyncd.queue import janitor as module
from lipsyncd.queue.janitor import GATHERING, LONGEST, Janitor, due_in
from lipsyncd.queue.retention import Retention
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.snapshot import Opened
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import new_job
from lipsyncd.queue.updates import Updates
from lipsyncd.system.catalog import CLOCK_SET, JOB_EXPIRED, JOBS_CLEANED
from lipsyncd.system.clock import Moment, adopt, this_moment
from lipsyncd.system.notify import Notifier
from lipsyncd.system.watchdog import Heartbeat

HOUR = 3600.0
SOON = 1e-6  # seconds; over before anybody looks
BROKEN = "broken BEFORE UPDATE ON jobs WHEN NEW.state = 'expired' BEGIN SELECT RAISE(FAIL, ''); END"
NONE_KEPT = Rules(max_results=0, grace_minutes=0)


class Building:
    """A janitor with all real parts, and a wall's clock that the test sets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.live_config = LiveConfig(Config(limits=Limits(min_free_bytes=0)))
        self.database = Database(directory / "jobs.sqlite")
        self.store, self.history = Store(self.database), History(self.database)
        self.spool = Spool(directory / "spool", self.live_config)
        self.updates = Updates()
        heartbeat = Heartbeat(Notifier())
        self.scheduler = Scheduler(
            self.store, self.spool, self.updates, heartbeat, self.live_config
        )
        self.set_by = 0.0
        self.rounds: SimpleQueue[Moment] = SimpleQueue()  # an item for each that has begun
        retention = Retention(self.history, self.spool, self.live_config)
        self.janitor = Janitor(self.store, self.scheduler, retention, self.updates, self.moment)
        self.cleanup = ExitStack()

    def moment(self) -> Moment:
        now = this_moment()
        moment = replace(now, wall=now.wall + self.set_by)
        self.rounds.put(moment)
        return moment

    def submit(self, expires: float | None = None) -> Job:
        """A job that waits, and expires in so many seconds."""
        job = new_job(1000, "face", "voice", Options(), Terms(expires=expires))
        with (self.directory / "input").open("w+b") as file:
            size = self.spool.admit(job.id, Opened(file.fileno(), file.fileno()))
        return self.scheduler.enqueue(replace(job, spool_bytes=size))

    def end(self, job: Job) -> Job:
        """The job with a result."""
        begun = self.store.begin(job.id)
        assert begun
        self.spool.paths(job.id).result.write_bytes(b"result")
        self.spool.tidy(job.id, State.SUCCEEDED)
        ended = move(begun, State.SUCCEEDED, ended_at=time.time(), spool_bytes=6)
        self.store.put(ended)
        self.updates.publish(ended)
        return ended

    def end_of(self, job: Job) -> Job:
        """The job once the janitor has ended it."""
        with self.updates.subscribe(job.id) as watch:
            found = self.found(job)
            while not found.is_ended:
                select.select([watch], [], [])
                found = watch.take() or found
        return found

    def found(self, job: Job) -> Job:
        found = self.store.get(job.id)
        assert found
        return found

    def has_files(self, job: Job) -> bool:
        return (self.directory / "spool" / job.id).exists()

    def make_round(self) -> None:
        """A whole round from now on: it is over when the next one has begun."""
        while not self.rounds.empty():
            self.rounds.get()
        for _ in range(2):
            self.janitor.stir()
            self.rounds.get()

    def tell_database(self, command: str) -> None:
        """Something that no transaction may hold."""
        with self.database._lock:
            self.database._db.execute(command)

    def start(self) -> None:
        self.janitor.start()
        self.cleanup.callback(self.janitor.stop)

    def close(self) -> None:
        self.cleanup.close()
        self.database.close()


@pytest.fixture(autouse=True)
def right_time() -> Iterator[None]:
    """Whatever a test sets the clock to, the next one has the right time."""
    yield
    adopt(this_moment())


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    building = Building(tmp_path)
    yield building
    building.close()


@pytest.fixture
def journal(caplog: pytest.LogCaptureFixture) -> SimpleQueue[str]:
    """The ids of the events that are told from now on."""
    told: SimpleQueue[str] = SimpleQueue()

    def tell(record: logging.LogRecord) -> bool:
        told.put(getattr(record, "fields", {}).get("MESSAGE_ID", ""))
        return True

    caplog.handler.addFilter(tell)
    caplog.set_level(logging.INFO)
    return told


# What is over


def test_a_job_that_waited_too_long_expires_and_keeps_its_inputs_for_a_retry(
    building: Building, caplog: pytest.LogCaptureFixture
) -> None:
    late, patient = building.submit(expires=SOON), building.submit(expires=HOUR)
    with caplog.at_level(logging.INFO):
        building.start()
        expired = building.end_of(late)
        building.make_round()
    assert expired.state is State.EXPIRED
    assert expired.error and expired.error["name"] == "job.expired"
    assert building.found(late) == expired
    assert building.has_files(late)
    assert building.found(patient).state is State.QUEUED
    fields = [getattr(record, "fields", {}) for record in caplog.records]
    assert [each["LIPSYNCD_JOB_ID"] for each in fields if each["MESSAGE_ID"] == JOB_EXPIRED.id] == [
        late.id
    ]


def test_a_deadline_is_kept_to_and_not_only_seen_in_passing(building: Building) -> None:
    building.start()
    building.rounds.get()
    jobs = [building.submit(expires) for expires in (0.4, None, 0.2, HOUR)]
    for job in (jobs[0], jobs[2]):
        expired = building.end_of(job)
        assert expired.ended_at and job.expires_at
        assert 0 <= expired.ended_at - job.expires_at < LONGEST / 2
    assert building.found(jobs[1]).state is State.QUEUED
    assert building.found(jobs[3]).state is State.QUEUED


def test_a_job_that_began_in_time_is_left_to_its_render(building: Building) -> None:
    job = building.submit(expires=SOON)
    building.store.begin(job.id)
    building.set_by = HOUR
    building.start()
    building.make_round()
    assert building.found(job).state is State.RUNNING
    assert building.has_files(job)


def test_results_go_soon_after_a_bound_is_passed(
    building: Building, monkeypatch: pytest.MonkeyPatch, journal: SimpleQueue[str]
) -> None:
    monkeypatch.setattr(module, "LONGEST", HOUR)
    monkeypatch.setattr(module, "GATHERING", 0.01)
    building.live_config.config = Config(retention=NONE_KEPT)
    building.start()
    building.rounds.get()
    job = building.end(building.submit())
    while journal.get() != JOBS_CLEANED.id:
        pass
    assert not building.has_files(job)
    assert building.history.kept() == []


@pytest.mark.parametrize("state", State)
def test_only_an_end_or_a_deadline_wants_a_round_of_its_own(state: State) -> None:
    job = replace(new_job(1000, "face", "voice", Options()), state=state)
    assert due_in(job) == (GATHERING if job.is_ended else LONGEST)
    due = due_in(replace(job, expires_at=time.time() + 60))
    assert due == (pytest.approx(60, abs=5) if state is State.QUEUED else due_in(job))


def test_a_round_is_made_anyway_since_nobody_tells_when_the_clock_is_set(
    building: Building, monkeypatch: pytest.MonkeyPatch, journal: SimpleQueue[str]
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.01)
    building.start()
    building.rounds.get(timeout=60.0)
    building.set_by = HOUR
    assert journal.get(timeout=60.0) == CLOCK_SET.id


# The clock


@pytest.mark.parametrize("set_by", [HOUR, -HOUR])
def test_no_deadline_and_no_result_notices_that_the_clock_was_set(
    building: Building, caplog: pytest.LogCaptureFixture, set_by: float
) -> None:
    waiting, kept = building.submit(expires=HOUR / 2), building.end(building.submit())
    building.live_config.config = Config(retention=Rules(max_age_hours=1, grace_minutes=0))
    building.start()
    building.make_round()
    with caplog.at_level(logging.INFO):
        building.set_by = set_by
        building.make_round()
        building.make_round()
    found = building.found(waiting)
    assert found.state is State.QUEUED
    assert waiting.expires_at and found.expires_at
    assert found.expires_at - waiting.expires_at == pytest.approx(set_by, abs=0.1)
    assert found.created_at - waiting.created_at == pytest.approx(set_by, abs=0.1)
    assert building.has_files(kept)
    told = [getattr(record, "fields", {}) for record in caplog.records]
    assert [(each["MESSAGE_ID"], each["LIPSYNCD_SECONDS"]) for each in told] == [
        (CLOCK_SET.id, f"{set_by:.0f}")
    ]
    way = "forward" if set_by > 0 else "back"
    assert f"set {way} by 3600.0 s" in caplog.text


def test_a_deadline_still_comes_after_the_clock_was_set_back(building: Building) -> None:
    job = building.submit(expires=0.5)
    building.start()
    building.make_round()
    building.set_by = -HOUR
    building.make_round()
    assert building.end_of(job).state is State.EXPIRED


def test_a_clock_that_was_set_while_no_daemon_lived_is_noticed(tmp_path: Path) -> None:
    first = Building(tmp_path)
    job = first.submit(expires=HOUR / 2)
    first.start()
    first.make_round()
    first.close()
    second = Building(tmp_path)
    second.set_by = HOUR
    second.start()
    second.make_round()
    found = second.found(job)
    assert found.state is State.QUEUED
    assert job.expires_at and found.expires_at
    assert found.expires_at - job.expires_at == pytest.approx(HOUR, abs=0.1)
    second.close()


# What goes wrong


def test_a_round_that_breaks_is_logged_and_the_next_one_goes_on(
    building: Building, caplog: pytest.LogCaptureFixture
) -> None:
    job = building.submit(expires=SOON)
    building.tell_database(f"CREATE TEMP TRIGGER {BROKEN}")
    building.start()
    building.make_round()
    building.make_round()
    assert "a round broke" in caplog.text
    building.tell_database("DROP TRIGGER broken")
    building.make_round()
    assert building.found(job).state is State.EXPIRED


def test_what_breaks_one_duty_does_not_keep_the_janitor_from_the_next(
    building: Building, caplog: pytest.LogCaptureFixture
) -> None:
    late, kept = building.submit(expires=SOON), building.end(building.submit())
    building.live_config.config = Config(retention=NONE_KEPT)
    building.tell_database(f"CREATE TEMP TRIGGER {BROKEN}")
    building.start()
    building.make_round()
    assert building.found(late).state is State.QUEUED
    assert "a round broke" in caplog.text
    assert not building.has_files(kept)


def test_a_disk_that_fails_is_told_once_until_it_has_passed(
    building: Building, caplog: pytest.LogCaptureFixture
) -> None:
    job = building.submit(expires=SOON)
    building.tell_database("PRAGMA query_only = ON")
    building.start()
    for _ in range(3):
        building.make_round()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cannot be used" in caplog.text
    building.tell_database("PRAGMA query_only = OFF")
    building.make_round()
    assert building.found(job).state is State.EXPIRED
    building.tell_database("PRAGMA query_only = ON")
    building.set_by = HOUR
    building.make_round()
    building.make_round()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


# Its life


def test_it_stops_between_two_rounds_and_may_be_stirred_even_then(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", HOUR)
    building.start()
    building.rounds.get()
    building.close()
    assert "janitor" not in [thread.name for thread in threading.enumerate()]
    building.janitor.stir()


def test_a_stop_cuts_short_what_a_round_removes(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, discard = [building.end(building.submit()) for _ in range(3)], building.spool.discard
    inside, may_go_on, stir = threading.Event(), threading.Event(), building.janitor.stir

    def slow(job: str) -> bool:
        inside.set()
        may_go_on.wait()
        return discard(job)

    def stir_and_go_on() -> None:
        stir()
        may_go_on.set()

    monkeypatch.setattr(building.spool, "discard", slow)
    monkeypatch.setattr(building.janitor, "stir", stir_and_go_on)  # a stop does it, once it is told
    building.live_config.config = Config(retention=NONE_KEPT)
    building.start()
    inside.wait()
    building.janitor.stop()
    assert [building.has_files(job) for job in jobs] == [False, True, True]
    assert [each.id for each in building.history.kept()] == [job.id for job in jobs[1:]]


def test_its_descriptors_end_with_it(tmp_path: Path) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        building = Building(tmp_path / str(number))
        building.start()
        building.close()
    del building
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
