"""Every change of a job's state is told once and in order, to those who may know of it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living, session_of, with_controlplane
from support.daemon.reencoding import reencoding_daemon
from support.daemon.renderers import Gate
from support.daemon.stepped import stepped_daemon

from lipsyncd.errors import EventsGone, UnknownJob
from lipsyncd.protocol.job import move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED, State
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.transitions import new_job
from lipsyncd.service.controlplane import ControlPlane

LIFE = ["queued", "running", "succeeded"]


def states(client: Client, count: int) -> list[tuple[str, str]]:
    """The next changes that a follower is told: each the id of a job, and its state."""
    return [(each["job"]["id"], each["job"]["state"]) for each in happened(client, count)]


def happened(client: Client, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        body = client.hear().body
        assert body["id"] == client.requests
        if body["verb"] == "happened":
            found.append(body)
    return found


@contextmanager
def following(daemon: Daemon, **fields: Any) -> Iterator[Client]:
    with daemon.client() as client:
        client.say("follow", **fields)
        yield client


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle events come at once."""
    monkeypatch.setattr("lipsyncd.server.verbs.follow.SILENCE", 0.01)
    monkeypatch.setattr("lipsyncd.server.verbs.follow.PAUSE", 0.01)


def idle(client: Client) -> int:
    """The number in the next idle event, before which nothing happens."""
    body: dict[str, Any] = client.hear().body
    assert body["verb"] == "idle"
    return int(body["seq"])


def test_a_job_is_followed_from_its_acceptance_to_its_end(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        with following(daemon, since=0) as follower:
            job = client.submit(tmp_path)
            events = happened(follower, 3)
        assert [each["job"]["state"] for each in events] == LIFE
        assert {each["job"]["id"] for each in events} == {job}
        assert [each["seq"] for each in events] == [1, 2, 3]
        times = [each["at"] for each in events]
        assert times == sorted(times)
        assert client.job(job)["created_at"] <= times[0]


def test_without_since_only_what_comes_is_told(tmp_path: Path, quick: None) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        client.end_of(client.submit(tmp_path))
        with following(daemon) as follower:
            assert idle(follower) == 3
            job = client.submit(tmp_path)
            assert states(follower, 3) == [(job, state) for state in LIFE]


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        jobs = [client.submit(tmp_path) for _ in range(5)]
        for job in jobs:
            client.end_of(job)
        heard, since = [], 0
        for _ in range(15):
            with following(daemon, since=since) as follower:
                (event,) = happened(follower, 1)
            heard.append((event["job"]["id"], event["job"]["state"]))
            since = event["seq"]
        assert sorted(heard) == sorted((job, state) for job in jobs for state in LIFE)
        for job in jobs:
            assert [state for each, state in heard if each == job] == LIFE


def test_one_job_alone_is_followed(daemon: Daemon, tmp_path: Path, gate: Gate) -> None:
    with daemon.client() as client:
        running, waiting = client.submit(tmp_path), client.submit(tmp_path)
        gate.at.get()
        with following(daemon, since=0, job=waiting) as follower:
            client.ask("cancel", job=waiting)
            assert states(follower, 2) == [(waiting, "queued"), (waiting, "cancelled")]
        assert client.job(running)["state"] == "running"


def test_to_follow_from_a_look_misses_nothing(client: Client, tmp_path: Path, gate: Gate) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    seen = client.ask("status", job=job)
    assert seen["job"]["state"] == "running"
    gate.let_go()
    client.say("follow", since=seen["seq"], job=job)
    assert states(client, 1) == [(job, "succeeded")]


def test_progress_is_no_change_of_state(
    daemon: Daemon, tmp_path: Path, gate: Gate, quick: None
) -> None:
    with daemon.client() as client, following(daemon) as follower:
        idle(follower)  # from here on it misses nothing
        job = client.submit(tmp_path)
        assert states(follower, 2) == [(job, "queued"), (job, "running")]
        gate.let_go(2)
        for step in (1, 2, 3):
            assert gate.at.get() == step
        for _ in range(3):
            idle(follower)


def test_others_are_not_told(tmp_path: Path, quick: None) -> None:
    with with_controlplane(tmp_path) as controlplane, session_of(1000, controlplane) as owner:
        job = owner.submit(tmp_path)
        with session_of(1001, controlplane) as other:
            with pytest.raises(UnknownJob):
                other.ask("follow", job=job)
            other.say("follow", since=0)
            assert idle(other) == 1
        with session_of(0, controlplane) as root:
            root.say("follow", since=0)
            assert states(root, 1) == [(job, "queued")]


def test_a_follower_that_does_not_read_loses_nothing(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        with following(daemon, since=0) as follower:
            jobs = [client.submit(tmp_path) for _ in range(60)]
            for job in jobs:
                client.end_of(job)
            events = happened(follower, 180)
        assert [each["seq"] for each in events] == list(range(1, 181))


def test_a_follower_stays_through_batches_of_old_news(tmp_path: Path) -> None:
    with with_controlplane(tmp_path) as controlplane:
        for _ in range(250):
            controlplane.store.add(new_job(os.getuid(), "face", "voice", Options()))
        with session_of(os.getuid(), controlplane) as client:
            client.say("follow", since=0)
            assert [each["seq"] for each in happened(client, 250)] == list(range(1, 251))


def test_a_number_from_another_history_is_refused(client: Client) -> None:
    with pytest.raises(EventsGone, match="no change 7 yet"):
        client.ask("follow", since=7)


def test_what_has_been_forgotten_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        seq = client.ask("status", job=job)["seq"]
        client.ask("clean", job=job)
        with pytest.raises(EventsGone, match=f"up to {seq} are gone"):
            client.ask("follow", since=seq - 1)
        again = client.submit(tmp_path)
        client.say("follow", since=seq)
        assert states(client, 1) == [(again, "queued")]


def test_a_follower_too_slow_for_what_is_kept_is_told(tmp_path: Path, quick: None) -> None:
    with (
        with_controlplane(tmp_path) as controlplane,
        session_of(os.getuid(), controlplane) as client,
    ):
        jobs = [ended(controlplane) for _ in range(300)]
        client.say("follow", since=0)
        happened(client, 1)  # the daemon has read a batch, and waits for its client to read on
        controlplane.history.forget(jobs)
        with pytest.raises(EventsGone):
            happened(client, 600)


def ended(controlplane: ControlPlane) -> str:
    job = controlplane.store.add(new_job(os.getuid(), "face", "voice", Options()))
    controlplane.store.put(move(job, State.CANCELLED, ended_at=job.created_at))
    return job.id


def test_a_death_of_the_daemon_leaves_no_gap(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.come_to("step 1")
        client.say("follow", since=0)
        assert states(client, 2) == [(job, "queued"), (job, "running")]
        daemon.end(signal.SIGKILL)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        client.say("follow", since=2)
        daemon.let_go()
        events = states(client, 3)
    assert events == [(job, state) for state in LIFE]


def test_a_follower_that_leaves_is_let_go(daemon: Daemon, tmp_path: Path, quick: None) -> None:
    with daemon.client() as client:
        client.submit(tmp_path)
        for _ in range(50):  # more than there are sessions
            with following(daemon) as follower:
                idle(follower)  # from here on it misses nothing
                job = client.submit(tmp_path)
                happened(follower, 1)
            client.ask("cancel", job=job)


@pytest.fixture
def slow_spool(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[threading.Event, threading.Event]]:
    """The files of a job that ended go only when the second event is set; the first is set then."""
    came, may_go = threading.Event(), threading.Event()
    tidy = Spool.tidy

    def late(self: Spool, job: str, state: State) -> None:
        if state in ENDED:
            came.set()
            may_go.wait()
        tidy(self, job, state)

    monkeypatch.setattr(Spool, "tidy", late)
    yield came, may_go
    may_go.set()


def test_a_look_between_an_end_and_its_telling_misses_nothing(
    tmp_path: Path, slow_spool: tuple[threading.Event, threading.Event]
) -> None:
    came, may_go = slow_spool
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        came.wait()
        seen = client.ask("status", job=job)
        may_go.set()
        told = [(job, seen["job"]["state"])]
        if told == [(job, "running")]:
            with following(daemon, since=seen["seq"], job=job) as follower:
                told += states(follower, 1)
        assert told[-1] == (job, "succeeded")


def test_who_is_told_of_an_end_can_have_the_result(
    tmp_path: Path, slow_spool: tuple[threading.Event, threading.Event], quick: None
) -> None:
    came, may_go = slow_spool
    with living(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        came.wait()
        with following(daemon, since=0) as follower:
            assert states(follower, 2) == [(job, "queued"), (job, "running")]
            before = idle(follower)
            assert client.job(job)["state"] == "running"
            may_go.set()
            (end,) = happened(follower, 1)
            assert before < end["seq"]
        assert client.result_of(job) == b"facevoice"


class View:
    """What somebody knows who follows all jobs as the page of the protocol says."""

    def __init__(self) -> None:
        self.seq = 0
        self.states: dict[str, str] = {}
        self.seen: list[int] = []

    def read(self, client: Client) -> str:
        body: dict[str, Any] = client.hear().body
        self.seq = body["seq"]
        if body["verb"] == "happened":
            self.seen.append(self.seq)
            self.states[body["job"]["id"]] = body["job"]["state"]
        return str(body["verb"])

    def read_on(self, client: Client, jobs: set[str]) -> None:
        """From the greatest number that was read, until all these jobs have ended."""
        client.say("follow", since=self.seq)
        while not all(self.states.get(job) in ENDED for job in jobs):
            self.read(client)


def test_who_follows_as_the_page_says_knows_all_through_cancels_and_a_kill(tmp_path: Path) -> None:
    view = View()
    with reencoding_daemon(tmp_path) as daemon:
        daemon.hold()
        jobs = [daemon.submit() for _ in range(4)]
        with daemon.client() as follower, daemon.client() as client:
            follower.say("follow")
            while view.read(follower) != "idle":
                pass
            first = view.seq
            client.ask("cancel", job=jobs[2])
            jobs.append(daemon.submit())
            listed = client.ask("list")["jobs"]
            view.states = {each["id"]: each["state"] for each in listed}
            client.ask("cancel", job=jobs[3])
            view.read(follower)
            jobs.append(daemon.submit())
            daemon.end(signal.SIGKILL)
            with suppress(EOFError, OSError):
                while True:
                    view.read(follower)
        daemon.let_go()
        daemon.start()
        daemon.persist(lambda client: view.read_on(client, {*jobs}))
        ends = {job: daemon.end_of(job)["state"] for job in jobs}
    assert view.states == ends
    assert sorted(ends.values()) == ["cancelled"] * 2 + ["succeeded"] * 4
    assert view.seen == [*range(first + 1, view.seq + 1)]


def test_a_job_is_followed_from_its_status_as_the_page_says_through_a_kill(tmp_path: Path) -> None:
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        daemon.come_to("step 1")
        seen = client.ask("status", job=job)
        daemon.end(signal.SIGKILL)
    with stepped_daemon(tmp_path) as daemon, daemon.client() as client, daemon.client() as other:
        daemon.come_to("step 1")
        other.ask("cancel", job=other.submit(tmp_path))  # changes of another job in between
        daemon.let_go()
        client.end_of(job)
        client.say("follow", since=seen["seq"], job=job)
        assert seen["job"]["state"] == "running"
        assert states(client, 3) == [(job, state) for state in LIFE]
