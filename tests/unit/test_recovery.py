"""What an earlier life left behind: files of no use go, and what was paid for is kept and told."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lipsyncd.config import Config, LiveConfig
from lipsyncd.errors import DiskFailed
from lipsyncd.protocol.job import MAX_ATTEMPTS, Job
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.queue.recovery import recover
from lipsyncd.queue.snapshot import Opened
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.database import Database
from lipsyncd.queue.store.history import History
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.transitions import cancelled, failed, new_job, succeeded


class Earlier:
    """The state of an earlier life, in a directory."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.directory = directory
        self.store = Store(database)
        self.history = History(database)
        self.spool = Spool(directory / "spool", LiveConfig(Config()))

    def queue(self, is_recorded: bool = True, is_accepted: bool = True) -> Job:
        """A job that waits; or one of which only a part was done."""
        job = new_job(1000, "face", "voice", Options())
        with (self.directory / "input").open("w+b") as file:
            file.write(b"input")
            file.flush()
            size = self.spool.admit(job.id, Opened(file.fileno(), file.fileno()))
        if is_recorded:
            self.store.add(replace(job, spool_bytes=size))
        if is_accepted:
            self.spool.accept(job.id)
        return job

    def render(self, job: Job) -> Job:
        """The job while it runs, its result being there already."""
        begun = self.store.begin(job.id)
        assert begun
        self.spool.paths(job.id).result.write_bytes(b"result")
        return begun

    def recover(self) -> str:
        return recover(self.store, self.spool)

    def files(self) -> list[str]:
        found = (self.directory / "spool").rglob("*")
        return sorted(str(each.relative_to(self.directory / "spool")) for each in found)

    def aside(self) -> list[str]:
        """What was set aside, by job."""
        found = self.directory.glob("spool.unrecorded-*/*")
        return sorted(each.name for each in found)


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Earlier]:
    with closing(Database(tmp_path / "jobs.sqlite")) as database:
        yield Earlier(tmp_path, database)


def test_what_a_job_needs_stays_and_the_rest_goes(earlier: Earlier) -> None:
    waiting, running = earlier.queue(), earlier.queue()
    done, broken, dropped = earlier.queue(), earlier.queue(), earlier.queue()
    earlier.render(running)
    earlier.store.put(succeeded(earlier.render(done), 6, 1.0))
    earlier.store.put(failed(earlier.render(broken), DiskFailed("It broke.", "Look."), 1.0))
    earlier.store.put(cancelled(dropped))
    (earlier.directory / "spool/stray").write_bytes(b"")
    assert earlier.recover() == ""
    needed = [waiting, running, broken, dropped]
    inputs = [f"{job.id}/{name}" for job in needed for name in ("face", "voice")]
    folders = [job.id for job in (*needed, done)]
    kept = [f"{done.id}/{name}" for name in ("face", "result", "voice")]  # for a redo
    assert earlier.files() == sorted([*folders, *inputs, *kept])


def test_what_ran_waits_again_until_it_was_begun_too_often(
    earlier: Earlier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job = earlier.queue()
    for _ in range(MAX_ATTEMPTS):
        earlier.render(job)
        assert earlier.recover() == ""
    events = [each.fields["LIPSYNCD_EVENT"] for each in caplog.records]  # type: ignore[attr-defined]
    assert events == ["JOB_RECOVERED"] * (MAX_ATTEMPTS - 1) + ["JOB_FAILED"]
    assert f"job {job.id}: failed, job.interrupted: It was begun 10 times" in caplog.text
    assert earlier.files() == [job.id, f"{job.id}/face", f"{job.id}/voice"]  # for a retry


def test_what_was_never_accepted_goes(earlier: Earlier) -> None:
    earlier.queue(is_recorded=False, is_accepted=False)
    assert earlier.recover() == ""
    assert (earlier.files(), earlier.aside()) == ([], [])


def test_a_job_that_was_recorded_and_then_the_daemon_died_has_its_files(earlier: Earlier) -> None:
    job = earlier.queue(is_accepted=False)
    assert earlier.recover() == ""
    assert earlier.files() == [job.id, f"{job.id}/face", f"{job.id}/voice"]


@pytest.mark.parametrize("count", [1, 3])
def test_accepted_jobs_without_a_record_are_kept_and_told(
    earlier: Earlier, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    known = earlier.queue()
    unknown = sorted(earlier.queue(is_recorded=False).id for _ in range(count))
    words = earlier.recover()
    assert earlier.aside() == unknown
    assert earlier.files() == [known.id, f"{known.id}/face", f"{known.id}/voice"]
    (folder,) = earlier.directory.glob("spool.unrecorded-*")
    assert str(folder) in words
    assert ("an accepted job" if count == 1 else f"{count} accepted jobs") in words
    (told,) = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert all(job in told.__dict__["details"] for job in unknown)
    assert (folder / unknown[0] / "face").read_bytes() == b"input"


def test_they_are_kept_though_their_disk_fails_on_the_way(
    earlier: Earlier, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = sorted(earlier.queue(is_recorded=False).id for _ in range(2))
    rename, calls = Path.rename, iter(range(9))

    def stutter(path: Path, target: Path) -> Path:
        if path.name in unknown and next(calls) == 1:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stutter)
    with pytest.raises(DiskFailed):
        earlier.recover()
    assert "an accepted job" in earlier.recover()
    assert earlier.aside() == unknown


@pytest.mark.parametrize("is_spared", [False, True])
def test_a_success_whose_record_was_lost_is_recorded_again(
    earlier: Earlier, caplog: pytest.LogCaptureFixture, is_spared: bool
) -> None:
    job = earlier.queue()
    earlier.spool.paths(job.id).result.write_bytes(b"result")
    earlier.spool.tidy(job.id, State.SUCCEEDED)
    if is_spared:
        earlier.spool.spare(job.id)
    kept = earlier.files()
    assert earlier.recover() == ""
    found = earlier.store.get(job.id)
    assert found and (found.state, found.result_bytes) == (State.SUCCEEDED, 6)
    assert earlier.files() == kept
    assert [each.id for each in earlier.history.kept()] == [job.id]
    assert f"job {job.id}: its result was there" in caplog.text
