"""The scheduler renders in order, ends each job as its render did, and hands back what it must."""

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.daemon.renderers import Gate, Steps, at_once, endless, raising
from support.daemon.scheduling import ALICE, BOB, Bench, live_config, next_post

from lipsyncd.errors import DeviceLost, DiskFull, JobEnded, NoFace, QueueDraining
from lipsyncd.protocol.job import Job, Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User
from lipsyncd.queue import transitions
from lipsyncd.queue.positions import Place
from lipsyncd.queue.store.jobs import Store
from lipsyncd.system.clock import now


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_a_job_is_rendered_and_keeps_its_result_and_what_a_redo_needs(bench: Bench) -> None:
    job = bench.submit()
    bench.start(at_once)
    ended = bench.end_of(job)
    assert (ended.state, ended.done, ended.total, ended.faces) == (State.SUCCEEDED, 3, 3, 2)
    assert (ended.result_bytes, ended.spool_bytes) == (10, 20)
    assert ended.fps > 0
    assert ended.started_at and ended.ended_at
    assert bench.store.get(job) == ended
    assert bench.files_of(job) == ["face", "result", "voice"]


def test_jobs_are_rendered_in_the_order_of_the_queue(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(3)]
    rendered: list[str] = []

    def render(options: Options, paths: Paths, *_: object) -> Steps:
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
    assert bench.files_of(job) == ["face", "voice"]  # for a retry
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("number", "name", "attempts"),
    [
        (errno.ENOSPC, "disk.full", 1),
        (errno.EIO, "disk.failed", 10),
        (errno.EMFILE, "host.exhausted", 10),
    ],
)
def test_a_disk_that_never_works_fails_the_job_by_its_name(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int, name: str, attempts: int
) -> None:
    monkeypatch.setattr("lipsyncd.queue.pause.REST_SECONDS", 0.001)
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    job = bench.submit()
    bench.start(raising(OSError(number, os.strerror(number))))
    ended = bench.end_of(job)
    assert ended.error and ended.error["name"] == name
    assert ended.attempts == attempts


def test_a_disk_that_stutters_costs_a_job_nothing_but_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lipsyncd.queue.pause.REST_SECONDS", 0.001)
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    broken = iter([errno.EIO, errno.ENOMEM])

    def stutter(options: Options, paths: Paths, *_: object) -> Steps:
        if number := next(broken, None):
            raise OSError(number, os.strerror(number))
        yield from at_once(options, paths)

    job = bench.submit()
    bench.start(stutter)
    ended = bench.end_of(job)
    assert (ended.state, ended.attempts) == (State.SUCCEEDED, 3)
    assert caplog.text.count("queue: paused") == 2


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

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        if paths.face.parent.name == second:
            raise ValueError
        return at_once(options, paths)

    bench.start(render)
    states = [bench.end_of(job).state for job in (first, second, third)]
    assert states == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]


def test_a_render_without_a_result_does_not_succeed(bench: Bench) -> None:
    job = bench.submit()
    bench.start(lambda *_: (Progress(n, 3, n) for n in range(3)))
    assert bench.end_of(job).state is State.FAILED


def test_a_job_whose_input_vanished_fails_by_its_name(bench: Bench) -> None:
    job = bench.submit()
    bench.spool.paths(job).face.unlink()
    bench.start(at_once)
    error = bench.end_of(job).error
    assert error and error["name"] == "input.gone"


def test_a_running_job_is_cancelled_after_its_step_and_leaves_no_result(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.cancel(job)
    gate.let_go(1)
    ended = bench.end_of(job)
    assert (ended.state, ended.done) == (State.CANCELLED, 1)
    assert gate.closed.is_set()
    assert bench.files_of(job) == ["face", "voice"]


def test_a_queued_job_is_cancelled_at_once_and_never_rendered(bench: Bench) -> None:
    gate = Gate()
    bench.submit()
    waiting = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.cancel(waiting)
    found = bench.store.get(waiting)
    assert found and found.state is State.CANCELLED
    assert bench.files_of(waiting) == ["face", "voice"]
    gate.let_go()


def test_an_ended_job_cannot_be_cancelled(bench: Bench) -> None:
    job = bench.submit()
    bench.start(at_once)
    bench.end_of(job)
    bench.scheduler.close()
    with pytest.raises(JobEnded):
        bench.scheduler.cancel(job)
    assert "result" in bench.files_of(job)


def test_draining_finishes_the_running_job_and_leaves_the_others(bench: Bench) -> None:
    gate = Gate()
    running, waiting = bench.submit(), bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.close()
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

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        gate.at.put(1)
        return endless(options, paths)

    bench.start(render)
    gate.at.get()
    bench.scheduler.close()
    bench.scheduler.stop(timeout=60.0)
    found = bench.store.get(job)
    assert found and (found.state, found.attempts) == (State.QUEUED, 0)
    assert found.started_at is None
    assert bench.files_of(job) == ["face", "voice"]


def test_a_job_that_does_not_come_to_its_next_step_goes_back_as_well(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.close()
    bench.scheduler.stop(timeout=0.0)
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
    bench.scheduler.stop(timeout=0.0)
    bench.thread = None


class StoreOnAFullDisk(Store):
    """One whose disk is full at the first try to take a job, and to record its end."""

    takes = puts = 0

    def begin(self, id: str) -> Job | None:
        self.takes += 1
        if self.takes == 1:
            raise DiskFull("The disk is full.", "Make room.")
        return super().begin(id)

    def put(self, job: Job) -> None:
        self.puts += 1
        if self.puts == 1:
            raise DiskFull("The disk is full.", "Make room.")
        super().put(job)


def test_a_full_disk_makes_the_queue_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    bench = Bench(tmp_path, StoreOnAFullDisk)
    job = bench.submit()
    bench.start(at_once)
    assert bench.end_of(job).state is State.SUCCEEDED
    assert caplog.text.count("queue: paused") == 2
    bench.close()


def test_without_jobs_the_queue_turns_looks_after_its_devices_and_the_watchdog_is_pinged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: socket.socket
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    bench = Bench(tmp_path)
    renderer = bench.start(at_once)
    for _ in range(3):
        renderer.proofs.get()
        assert systemd.recv(99) == b"WATCHDOG=1"
    bench.close()


def test_a_device_that_is_given_up_ends_the_thread_though_there_is_no_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    renderer = bench.start(at_once)
    renderer.proofs.get()
    renderer.fault = DeviceLost("The device computes wrongly.", "Check its memory.")
    assert bench.thread
    bench.thread.join()
    assert bench.raised == [renderer.fault]


def test_progress_is_posted_step_by_step(bench: Bench) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    seen = []
    for _ in range(3):
        gate.at.get()
        post = next_post(bench.subscriptions[job])
        seen.append((post.state, post.done))
        gate.let_go(1)
    assert seen == [(State.RUNNING, 0), (State.RUNNING, 1), (State.RUNNING, 2)]


def test_as_many_jobs_run_at_once_as_may(tmp_path: Path) -> None:
    bench, gate = Bench(tmp_path, choice=live_config(max_active=2)), Gate()
    jobs = [bench.submit(owner) for owner in (ALICE, BOB, ALICE)]
    bench.start(gate.render)
    gate.at.get()
    gate.at.get()
    assert {job.id for job in bench.updates.running} == set(jobs[:2])
    assert state_of(bench, jobs[2]) is State.QUEUED
    gate.let_go(9)
    assert [bench.end_of(job).state for job in jobs] == [State.SUCCEEDED] * 3
    bench.close()


def test_a_label_may_have_all_slots_but_one_whatever_others_of_its_uid_have(tmp_path: Path) -> None:
    bench, gate = Bench(tmp_path, choice=live_config(max_active=3)), Gate()
    hers = [bench.submit(ALICE, label="anna") for _ in range(3)]
    his = bench.submit(ALICE, label="ben")
    bench.start(gate.render)
    for _ in range(3):
        gate.at.get()
    assert {job.id for job in bench.updates.running} == {*hers[:2], his}
    gate.let_go(99)
    assert bench.end_of(hers[2]).state is State.SUCCEEDED
    bench.close()


def test_one_user_may_have_all_slots_but_one(tmp_path: Path) -> None:
    bench, gate = Bench(tmp_path, choice=live_config(max_active=3)), Gate()
    *running, waiting = [bench.submit(ALICE) for _ in range(3)]
    bench.start(gate.render)
    gate.at.get()
    gate.at.get()
    other = bench.submit(BOB)
    gate.at.get()
    assert {job.id for job in bench.updates.running} == {*running, other}
    assert state_of(bench, waiting) is State.QUEUED
    gate.let_go(12)
    assert bench.end_of(waiting).state is State.SUCCEEDED
    bench.close()


def test_beside_endless_jobs_of_one_user_those_of_another_are_rendered_in_turn(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, choice=live_config(max_active=3))
    flood = [bench.submit(ALICE, priority=Priority.HIGH) for _ in range(3)]
    others = [bench.submit(BOB, priority=Priority.LOW) for _ in range(3)]

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        return (endless if paths.face.parent.name in flood else at_once)(options, paths)

    bench.start(render)
    assert [bench.end_of(job).state for job in others] == [State.SUCCEEDED] * 3
    assert [state_of(bench, job) for job in flood] == [State.RUNNING, State.RUNNING, State.QUEUED]
    bench.scheduler.cancel(flood[0])
    bench.end_of(flood[0])
    while next_post(bench.subscriptions[flood[2]]).state is not State.RUNNING:
        pass
    bench.close()


def test_where_there_are_fewer_slots_after_a_reload_nobody_starts_too_early(
    tmp_path: Path,
) -> None:
    bench, gates = Bench(tmp_path, choice=live_config(max_active=3)), {}
    one, two, other = bench.submit(ALICE), bench.submit(ALICE), bench.submit(BOB)
    gates = {job: Gate() for job in (one, two, other)}
    bench.start(lambda options, paths, _: gates[paths.face.parent.name].render(options, paths))
    for gate in gates.values():
        gate.at.get()
    bench.live_config.config = live_config(max_active=2).config
    waiting, next_other = bench.submit(ALICE, priority=Priority.HIGH), bench.submit(BOB)
    gates |= {waiting: Gate(), next_other: Gate()}
    for job in (other, one):
        gates[job].let_go()
        bench.end_of(job)
    gates[next_other].at.get()
    assert state_of(bench, waiting) is State.QUEUED
    for gate in (gates[two], gates[next_other], gates[waiting]):
        gate.let_go()
    assert bench.end_of(waiting).state is State.SUCCEEDED
    bench.close()


def test_one_of_two_is_cancelled_and_the_other_goes_on(tmp_path: Path) -> None:
    bench, gates = Bench(tmp_path, choice=live_config(max_active=2)), {}
    one, other = bench.submit(ALICE), bench.submit(BOB)
    gates = {one: Gate(), other: Gate()}
    bench.start(lambda options, paths, _: gates[paths.face.parent.name].render(options, paths))
    gates[one].at.get()
    gates[other].at.get()
    bench.scheduler.cancel(one)
    gates[one].let_go(1)
    assert bench.end_of(one).state is State.CANCELLED
    gates[other].let_go()
    assert bench.end_of(other).state is State.SUCCEEDED
    bench.close()


def test_a_hung_render_does_not_hold_up_the_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, choice=live_config(max_active=2))
    hung, others = bench.submit(ALICE), [bench.submit(BOB) for _ in range(3)]
    gate = Gate()

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        is_hung = paths.face.parent.name == hung
        return (gate.render if is_hung else at_once)(options, paths)

    bench.start(render)
    assert [bench.end_of(job).state for job in others] == [State.SUCCEEDED] * 3
    gate.let_go()
    bench.close()


def test_a_cancel_holds_also_while_the_job_waits_for_room_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    bench = Bench(tmp_path)
    job = bench.submit()
    put, full = bench.store.put, threading.Event()

    def put_when_there_is_room(changed: Job) -> None:
        if changed.state is State.QUEUED:
            full.set()
            raise DiskFull("The disk is full.", "Make room.")
        put(changed)

    monkeypatch.setattr(bench.store, "put", put_when_there_is_room)

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        bench.live_config.config = live_config(min_free_bytes=1 << 50).config
        return raising(OSError(errno.ENOSPC, "No space left on device"))(options, paths)

    bench.start(render)
    full.wait()
    bench.scheduler.cancel(job)
    assert bench.end_of(job).state is State.CANCELLED
    bench.close()


def test_while_the_files_of_one_are_removed_all_else_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, gate = Bench(tmp_path, choice=live_config(max_active=3)), Gate()
    large, running, tidy = bench.submit(ALICE), bench.submit(BOB), bench.spool.tidy
    inside, may_end = threading.Event(), threading.Event()

    def slow_for_one(job: str, state: State) -> None:
        if job == large:
            inside.set()
            may_end.wait()
        tidy(job, state)

    monkeypatch.setattr(bench.spool, "tidy", slow_for_one)

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        is_large = paths.face.parent.name == large
        return (at_once if is_large else gate.render)(options, paths)

    bench.start(render)
    inside.wait()

    def go_on() -> None:
        late = bench.submit(BOB)
        bench.scheduler.cancel(late)
        bench.scheduler.cancel(running)
        gate.let_go()
        assert bench.end_of(running).state is State.CANCELLED
        assert bench.end_of(late).state is State.CANCELLED

    try:
        assert is_done(go_on)
        assert bench.updates.running
    finally:
        may_end.set()
    assert bench.end_of(large).state is State.SUCCEEDED
    bench.close()


def test_while_the_disk_stalls_what_runs_moves_on_and_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, gates = Bench(tmp_path, choice=live_config(max_active=2)), {}
    put, inside = bench.store.put, threading.Event()

    def put_and_tell(job: Job) -> None:
        inside.set()
        put(job)

    monkeypatch.setattr(bench.store, "put", put_and_tell)
    ending, running = bench.submit(ALICE), bench.submit(BOB)
    gates = {job: Gate() for job in (ending, running)}
    bench.start(lambda options, paths, _: gates[paths.face.parent.name].render(options, paths))
    for gate in gates.values():
        gate.at.get()
    with bench.database.transaction():  # whoever reads or writes now has to wait
        gates[ending].let_go()
        inside.wait()
        gates[running].let_go(1)
        gates[running].at.get()
        assert is_done(lambda: bench.scheduler.cancel(running))
        gates[running].let_go(1)
        gates[running].closed.wait()
    assert bench.end_of(ending).state is State.SUCCEEDED
    assert bench.end_of(running).state is State.CANCELLED
    bench.close()


def test_a_disk_that_stalls_for_longer_than_the_watchdog_waits_is_no_hang(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    systemd: socket.socket,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    bench, gate = Bench(tmp_path), Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    systemd.settimeout(30.0)
    with bench.database.transaction():
        gate.let_go()
        gate.closed.wait()
        pings = [systemd.recv(99) for _ in range(60)]  # twenty for each of its times
    assert pings == [b"WATCHDOG=1"] * 60
    ended = bench.end_of(job)
    assert (ended.state, ended.attempts) == (State.SUCCEEDED, 1)
    bench.close()


def test_a_job_that_goes_back_is_begun_again_once_its_files_are_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    bench = Bench(tmp_path, choice=live_config(max_active=3))
    stories: list[str] = []
    back, tidy = bench.submit(ALICE), bench.spool.tidy

    def slow_tidy(job: str, state: State) -> None:
        if state is State.QUEUED:
            bench.end_of(bench.submit(BOB))  # so the queue looks again, and has a slot
            stories.append("tidied")
        tidy(job, state)

    monkeypatch.setattr(bench.spool, "tidy", slow_tidy)

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        if paths.face.parent.name == back:
            stories.append("begun")
            if len(stories) == 1:
                monkeypatch.setattr(bench.scheduler.pause, "has_room", lambda: False)
                raise OSError(errno.ENOSPC, "No space left on device")
        return at_once(options, paths)

    bench.start(render)
    assert bench.end_of(back).state is State.SUCCEEDED
    assert stories == ["begun", "tidied", "begun"]
    bench.close()


def test_a_cancel_holds_also_between_the_return_to_the_queue_and_its_telling(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, tidy = bench.submit(), bench.spool.tidy

    def tidy_and_cancel(id: str, state: State) -> None:
        if state is State.QUEUED:
            bench.scheduler.cancel(id)
        tidy(id, state)

    monkeypatch.setattr(bench.spool, "tidy", tidy_and_cancel)
    monkeypatch.setattr(bench.scheduler.pause, "has_room", lambda: False)
    bench.start(raising(OSError(errno.ENOSPC, "No space left on device")))
    assert bench.end_of(job).state is State.CANCELLED
    assert bench.files_of(job) == ["face", "voice"]


def test_users_take_turns(bench: Bench) -> None:
    flood = [bench.submit(ALICE) for _ in range(3)]
    single = bench.submit(BOB)
    rendered = order_of(bench)
    assert rendered == [flood[0], single, *flood[1:]]


def test_what_is_urgent_comes_first(bench: Bench) -> None:
    low = bench.submit(priority=Priority.LOW)
    normal = bench.submit()
    high = bench.submit(BOB, priority=Priority.HIGH)
    assert order_of(bench) == [high, normal, low]


def test_a_place_tells_the_position_and_when_it_is_due(bench: Bench) -> None:
    jobs = [bench.submit() for _ in range(2)]
    assert bench.scheduler.positions.places() == {jobs[0]: Place(1, 0.0), jobs[1]: Place(2, None)}
    bench.start(at_once)
    for job in jobs:
        bench.end_of(job)
    assert bench.scheduler.positions.places() == {}


def test_a_job_whose_owner_has_all_that_one_may_have_is_due_when_one_of_these_ends(
    tmp_path: Path,
) -> None:
    bench, gates = Bench(tmp_path, choice=live_config(max_active=3)), {}
    jobs = [bench.submit(ALICE) for _ in range(3)]
    gates = {job: Gate() for job in jobs}
    bench.start(lambda options, paths, _: gates[paths.face.parent.name].render(options, paths))
    for job in jobs[:2]:
        gates[job].at.get()
    assert bench.scheduler.positions.places() == {jobs[2]: Place(1, None)}  # though a slot is free
    assert bench.scheduler.positions.next_start([User(ALICE)]) is None
    assert bench.scheduler.positions.next_start([User(ALICE), User(BOB)]) == 0
    gates[jobs[0]].let_go(1)
    gates[jobs[0]].at.get()
    (place,) = bench.scheduler.positions.places().values()
    assert place.eta and place.eta > 0
    for gate in gates.values():
        gate.let_go()
    bench.close()


def test_a_render_beyond_its_max_runtime_expires_and_leaves_no_result(bench: Bench) -> None:
    job = bench.submit(max_runtime=0.001)
    bench.start(endless)
    ended = bench.end_of(job)
    assert (ended.state, (ended.error or {})["name"]) == (State.EXPIRED, "job.expired")
    assert "max_runtime of 0.001 s" in str((ended.error or {})["message"])
    assert bench.files_of(job) == ["face", "voice"]


def test_a_render_beyond_what_the_operator_allows_expires_by_that_name(bench: Bench) -> None:
    bench.live_config.config = live_config(max_runtime=0).config
    job = bench.submit(max_runtime=3600)
    bench.start(endless)
    ended = bench.end_of(job)
    assert (ended.state, (ended.error or {})["name"]) == (State.EXPIRED, "job.expired")
    assert "the 0 s that the operator allows" in str((ended.error or {})["message"])
    assert "ask the operator" in str((ended.error or {})["hint"])
    assert bench.files_of(job) == ["face", "voice"]


def test_what_the_operator_allows_holds_from_a_reload_on_for_what_runs_already(
    bench: Bench,
) -> None:
    gate = Gate()
    job = bench.submit()
    bench.start(gate.render)
    gate.at.get()
    gate.let_go(1)
    gate.at.get()
    assert state_of(bench, job) is State.RUNNING
    bench.live_config.config = live_config(max_runtime=0).config
    gate.let_go(1)
    assert bench.end_of(job).state is State.EXPIRED


def test_a_running_job_expires_when_its_result_is_of_no_use_any_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.submit(expires=60)
    monkeypatch.setattr("lipsyncd.queue.attempt.now", lambda: now() + 60)  # once it has begun
    bench.start(endless)
    assert bench.end_of(job).state is State.EXPIRED


def test_an_overdue_job_is_not_started(bench: Bench) -> None:
    overdue = bench.submit(expires=1e-6)
    job = bench.submit()
    bench.start(at_once)
    bench.end_of(job)
    assert state_of(bench, overdue) is State.QUEUED
    found = bench.store.get(overdue)
    assert found
    bench.scheduler.end_waiting(found, transitions.overdue)
    assert bench.end_of(overdue).state is State.EXPIRED


def test_a_drained_queue_starts_nothing_and_takes_nothing(bench: Bench) -> None:
    gate = Gate()
    running, waiting = bench.submit(), bench.submit()
    bench.start(gate.render)
    gate.at.get()
    bench.scheduler.hold("a new GPU comes")
    with pytest.raises(QueueDraining, match="a new GPU comes"):
        bench.submit()
    gate.let_go()
    bench.end_of(running)
    assert state_of(bench, waiting) is State.QUEUED
    bench.scheduler.resume()
    gate.let_go()
    assert bench.end_of(waiting).state is State.SUCCEEDED


def test_a_drain_outlives_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.scheduler.hold("a new GPU comes")
    bench.close()
    bench = Bench(tmp_path)
    assert bench.scheduler.pause.reason == "The queue is drained: a new GPU comes."
    bench.close()


def test_without_room_nothing_starts_until_there_is_some(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    bench.live_config.config = live_config(min_free_bytes=1 << 50).config
    job = bench.submit()
    renderer = bench.start(at_once)
    renderer.proofs.get()
    renderer.proofs.get()
    assert state_of(bench, job) is State.QUEUED
    assert "less than" in bench.scheduler.pause.reason
    bench.live_config.config = live_config().config
    assert bench.end_of(job).state is State.SUCCEEDED
    assert (caplog.text.count("queue: paused"), caplog.text.count("queue: goes on")) == (1, 1)
    assert bench.scheduler.pause.reason == ""


def test_a_job_that_lost_its_room_to_others_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.queue.scheduler.RETRY_SECONDS", 0.001)
    job = bench.submit()
    tries = []

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        tries.append(paths)
        if len(tries) == 1:
            bench.live_config.config = live_config(min_free_bytes=1 << 50).config
            raise OSError(errno.ENOSPC, "No space left on device")
        return at_once(options, paths)

    bench.start(render)
    while next_post(bench.subscriptions[job]).state is not State.QUEUED or not tries:
        pass
    bench.live_config.config = live_config().config
    ended = bench.end_of(job)
    assert (ended.state, ended.attempts) == (State.SUCCEEDED, 1)


def is_done(work: Callable[[], None]) -> bool:
    """Whether the work comes to its end, in a thread of its own, while the test holds things up."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done.wait(30.0)


def order_of(bench: Bench) -> list[str]:
    """The jobs that wait, as they are rendered from now on."""
    rendered: list[str] = []

    def render(options: Options, paths: Paths, *_: object) -> Steps:
        rendered.append(paths.face.parent.name)
        return at_once(options, paths)

    waiting = [each.id for each in bench.store.waiting()]
    bench.start(render)
    for job in waiting:
        bench.end_of(job)
    return rendered


def state_of(bench: Bench, job: str) -> State:
    found = bench.store.get(job)
    assert found
    return found.state
