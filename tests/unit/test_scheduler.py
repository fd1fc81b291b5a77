"""The scheduler renders in order, ends each job as its render did, and hands back what it must."""

import errno
import logging
import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from paced import Gate, Render, Steps, Studio, at_once, endless, raising

from lipsyncd.config import Limits
from lipsyncd.errors import DeviceLost, DiskFull, JobEnded, NoFace, QueueDraining, QueueFull
from lipsyncd.host.heartbeat import Heartbeat
from lipsyncd.host.notify import Notifier
from lipsyncd.jobs.board import Board, Watch
from lipsyncd.jobs.job import Job, Options, Paths, Progress, State, new_job
from lipsyncd.jobs.scheduler import Scheduler
from lipsyncd.jobs.spool import Spool
from lipsyncd.jobs.store import Store

MAX_JOBS = 10


class Bench:
    """A scheduler with a real store, spool and board, and a render thread to start."""

    def __init__(self, directory: Path, store: type[Store] = Store) -> None:
        self.directory = directory
        self.store = store(directory / "jobs.sqlite")
        self.spool = Spool(directory / "spool", Limits())
        self.board = Board()
        self.heartbeat = Heartbeat(Notifier())
        self.scheduler = Scheduler(
            self.store,
            self.spool,
            self.board,
            self.heartbeat,
            max_jobs=MAX_JOBS,
            warm_interval=3600.0,
        )
        self.thread: threading.Thread | None = None
        self.raised: list[BaseException] = []
        self.watches: dict[str, Watch] = {}
        self.cleanup = ExitStack()

    def submit(self) -> str:
        job = new_job(1000, "speaker.mp4", "hello.wav", Options())
        with (self.directory / "input").open("wb+") as file:
            file.write(b"input")
            file.flush()
            self.spool.admit(job.id, file.fileno(), file.fileno())
        self.watches[job.id] = self.cleanup.enter_context(self.board.watch(job.id))
        self.scheduler.enqueue(job)
        return job.id

    def start(self, render: Render) -> Studio:
        studio = Studio(render)

        def run() -> None:
            try:
                self.scheduler.run(studio)
            except BaseException as error:
                self.raised.append(error)

        self.thread = threading.Thread(target=run)
        self.thread.start()
        return studio

    def end_of(self, job: str) -> Job:
        """The job once it has ended."""
        while not (found := next_post(self.watches[job])).is_ended:
            pass
        return found

    def files_of(self, job: str) -> list[str]:
        directory = self.directory / "spool" / job
        return sorted(path.name for path in directory.iterdir()) if directory.exists() else []

    def close(self) -> None:
        self.scheduler.drain()
        self.scheduler.stop(patience=60.0)
        if self.thread:
            self.thread.join()
        self.cleanup.close()
        self.store.close()


def next_post(watch: Watch) -> Job:
    select.select([watch], [], [])
    found = watch.take()
    assert found
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_a_job_is_rendered_and_keeps_only_its_result(bench: Bench) -> None:
    job = bench.submit()
    bench.start(at_once)
    ended = bench.end_of(job)
    assert (ended.state, ended.done, ended.total, ended.faces) == (State.SUCCEEDED, 3, 3, 2)
    assert ended.result_bytes == 10
    assert ended.fps > 0
    assert ended.started_at and ended.ended_at
    assert bench.store.get(job) == ended
    assert bench.files_of(job) == ["result"]


def test_jobs_are_rendered_in_the_order_of_the_queue(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(3)]
    rendered: list[str] = []

    def render(options: Options, paths: Paths) -> Steps:
        rendered.append(paths.face.parent.name)
        return at_once(options, paths)

    bench.start(render)
    for job in jobs:
        bench.end_of(job)
    assert rendered == jobs


def test_an_expected_error_fails_the_job_by_its_name(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    job = bench.submit()
    bench.start(raising(NoFace("There is no face in the video.", "Use another.")))
    ended = bench.end_of(job)
    assert ended.state is State.FAILED
    assert ended.error and ended.error["name"] == "input.no_face"
    assert ended.done == 1
    assert bench.files_of(job) == []
    assert not any(record.exc_info for record in caplog.records)


def test_a_full_disk_fails_the_job_by_its_name(bench: Bench) -> None:
    job = bench.submit()
    bench.start(raising(OSError(errno.ENOSPC, "No space left on device")))
    ended = bench.end_of(job)
    assert ended.error and ended.error["name"] == "disk.full"


def test_an_unexpected_error_is_logged_with_its_traceback_and_stays_inside(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    broken = bench.submit()
    bench.start(raising(ZeroDivisionError("secret detail")))
    ended = bench.end_of(broken)
    assert ended.error and ended.error["name"] == "internal"
    assert "secret" not in str(ended.error)
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)


def test_a_bad_job_does_not_stop_the_queue(bench: Bench) -> None:
    first, second, third = (bench.submit() for _ in range(3))

    def render(options: Options, paths: Paths) -> Steps:
        if paths.face.parent.name == second:
            raise ValueError
        return at_once(options, paths)

    bench.start(render)
    states = [bench.end_of(job).state for job in (first, second, third)]
    assert states == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]


def test_a_render_without_a_result_does_not_succeed(bench: Bench) -> None:
    job = bench.submit()
    bench.start(lambda _options, _paths: (Progress(n, 3, n) for n in range(3)))
    assert bench.end_of(job).state is State.FAILED


def test_a_job_whose_input_vanished_fails_by_its_name(bench: Bench) -> None:
    job = bench.submit()
    bench.spool.paths(job).face.unlink()
    bench.start(at_once)
    error = bench.end_of(job).error
    assert error and error["name"] == "input.gone"


def test_a_running_job_is_cancelled_after_its_step_and_leaves_nothing(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.cancel(job)
    gate.let_go(1)
    ended = bench.end_of(job)
    assert (ended.state, ended.done) == (State.CANCELLED, 1)
    assert gate.closed.is_set()
    assert bench.files_of(job) == []


def test_a_queued_job_is_cancelled_at_once_and_never_rendered(bench: Bench) -> None:
    gate = Gate()
    bench.submit()
    waiting = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.cancel(waiting)
    found = bench.store.get(waiting)
    assert found and found.state is State.CANCELLED
    assert bench.files_of(waiting) == []
    gate.let_go()


def test_an_ended_job_cannot_be_cancelled(bench: Bench) -> None:
    job = bench.submit()
    bench.start(at_once)
    bench.end_of(job)
    bench.scheduler.drain()
    with pytest.raises(JobEnded):
        bench.scheduler.cancel(job)
    assert bench.files_of(job) == ["result"]


def test_the_queue_refuses_what_is_too_much(bench: Bench) -> None:
    for _ in range(MAX_JOBS):
        bench.submit()
    with pytest.raises(QueueFull):
        bench.submit()


def test_draining_finishes_the_running_job_and_leaves_the_others(bench: Bench) -> None:
    gate = Gate()
    running, waiting = bench.submit(), bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.drain()
    with pytest.raises(QueueDraining):
        bench.submit()
    gate.let_go()
    assert bench.end_of(running).state is State.SUCCEEDED
    assert bench.thread
    bench.thread.join()
    found = bench.store.get(waiting)
    assert found and (found.state, found.attempts) == (State.QUEUED, 0)
    assert bench.files_of(waiting) == ["face", "voice"]


def test_stopping_puts_the_running_job_back_without_counting_the_attempt(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()

    def render(options: Options, paths: Paths) -> Steps:
        gate.at.put(1)
        return endless(options, paths)

    bench.start(render)
    gate.at.get()
    bench.scheduler.drain()
    bench.scheduler.stop(patience=60.0)
    found = bench.store.get(job)
    assert found and (found.state, found.attempts) == (State.QUEUED, 0)
    assert found.started_at is None
    assert bench.files_of(job) == ["face", "voice"]


def test_a_job_that_does_not_come_to_its_next_step_goes_back_as_well(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.drain()
    bench.scheduler.stop(patience=0.0)
    found = bench.store.get(job)
    assert found and (found.state, found.attempts) == (State.QUEUED, 0)
    gate.let_go()
    assert bench.thread
    bench.thread.join()
    assert bench.store.get(job) == found


def test_losing_the_device_ends_the_thread_and_keeps_the_attempt(bench: Bench) -> None:
    job = bench.submit()
    bench.start(raising(DeviceLost("The GPU is gone.", "See the log.")))
    assert bench.thread
    bench.thread.join()
    assert [type(error) for error in bench.raised] == [DeviceLost]
    found = bench.store.get(job)
    assert found and (found.state, found.attempts) == (State.RUNNING, 1)
    bench.scheduler.stop(patience=0.0)
    bench.thread = None


class StoreOnAFullDisk(Store):
    """One whose disk is full at the first try to take a job, and to record its end."""

    takes = puts = 0

    def take(self) -> Job | None:
        self.takes += 1
        if self.takes == 1:
            raise DiskFull("The disk is full.", "Make room.")
        return super().take()

    def put(self, job: Job) -> None:
        self.puts += 1
        if self.puts == 1:
            raise DiskFull("The disk is full.", "Make room.")
        super().put(job)


def test_a_full_disk_makes_the_queue_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lipsyncd.jobs.scheduler.RETRY_SECONDS", 0.001)
    bench = Bench(tmp_path, StoreOnAFullDisk)
    job = bench.submit()
    bench.start(at_once)
    assert bench.end_of(job).state is State.SUCCEEDED
    assert caplog.text.count("queue: paused") == 2
    bench.close()


def test_the_heart_beats_at_every_step_and_not_between(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    beats = [bench.heartbeat.beaten_at]
    for _ in range(2):
        next_post(bench.watches[job])
        gate.let_go(1)
        gate.at.get()
        beats.append(bench.heartbeat.beaten_at)
    assert beats[0] < beats[1] < beats[2]
    assert bench.heartbeat.beaten_at == beats[2]
    gate.let_go()


def test_without_jobs_the_device_is_proven_and_that_is_a_beat(bench: Bench) -> None:
    bench.scheduler.warm_interval = 0.001
    studio = bench.start(at_once)
    studio.proofs.get()
    studio.proofs.get()
    before = bench.heartbeat.beaten_at
    studio.proofs.get()
    studio.proofs.get()
    assert bench.heartbeat.beaten_at > before


def test_a_device_that_computes_wrongly_ends_the_thread_though_there_is_no_job(
    bench: Bench,
) -> None:
    bench.scheduler.warm_interval = 0.001
    studio = bench.start(at_once)
    studio.proofs.get()
    studio.fault = DeviceLost("The device computes wrongly.", "Check its memory.")
    assert bench.thread
    bench.thread.join()
    assert bench.raised == [studio.fault]


def test_a_job_does_not_wait_for_the_next_warm_pass(bench: Bench) -> None:
    studio = bench.start(at_once)
    job = bench.submit()
    assert bench.end_of(job).state is State.SUCCEEDED
    assert studio.proofs.empty()


def test_a_job_that_comes_in_a_warm_pass_waits_for_that_one_only(bench: Bench) -> None:
    bench.scheduler.warm_interval = 0.001
    inside, may_end = threading.Event(), threading.Event()

    class Slow(Studio):
        def prove(self) -> None:
            super().prove()
            inside.set()
            may_end.wait()

    studio = Slow(at_once)
    bench.thread = threading.Thread(target=bench.scheduler.run, args=[studio])
    bench.thread.start()
    inside.wait()
    job = bench.submit()
    passes = studio.proofs.qsize()
    bench.scheduler.warm_interval = 3600.0
    may_end.set()
    bench.end_of(job)
    assert studio.proofs.qsize() == passes


def test_progress_is_posted_step_by_step(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    seen = []
    for _ in range(3):
        gate.at.get()
        post = next_post(bench.watches[job])
        seen.append((post.state, post.done))
        gate.let_go(1)
    assert seen == [(State.RUNNING, 0), (State.RUNNING, 1), (State.RUNNING, 2)]
