"""The watchdog hears of beats and of nothing else; who stops beating is named."""

import socket
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from lipsyncd.protocol.job import State, move
from lipsyncd.protocol.options import Options
from lipsyncd.queue.transitions import new_job
from lipsyncd.system.catalog import WATCHDOG_STALL
from lipsyncd.system.notify import Notifier
from lipsyncd.system.watchdog import Heartbeat, StallAlarm


@pytest.fixture
def notifier(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    """One of a service with a watchdog that is patient for a thousand seconds."""
    monkeypatch.setenv("WATCHDOG_USEC", "1000000000")
    notifier = Notifier()
    yield notifier
    notifier.close()


def heard(systemd: socket.socket) -> list[bytes]:
    systemd.setblocking(False)
    found = []
    try:
        while True:
            found.append(systemd.recv(99))
    except BlockingIOError:
        return found


def test_a_beat_is_a_ping_at_once(systemd: socket.socket, notifier: Notifier) -> None:
    with Heartbeat(notifier).life() as life:
        assert heard(systemd) == []
        life.beat()
    assert heard(systemd) == [b"WATCHDOG=1"]


def test_many_beats_are_few_pings(systemd: socket.socket, notifier: Notifier) -> None:
    with Heartbeat(notifier).life() as life:
        for _ in range(100):
            life.beat()
    assert heard(systemd) == [b"WATCHDOG=1"]


def test_there_is_a_ping_in_each_twentieth_of_the_patience(
    systemd: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Heartbeat(notifier).life() as life:
        for now in (5000, 5025, 5049, 5051, 5101, 5102):
            monkeypatch.setattr("time.monotonic", lambda now=now: now)
            life.beat()
    assert len(heard(systemd)) == 3


def test_no_life_hides_that_another_hangs(
    systemd: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat = Heartbeat(notifier)
    monkeypatch.setattr("time.monotonic", lambda: 4000)
    with heartbeat.life() as lively, heartbeat.life() as hung:
        hung.beat()
        assert len(heard(systemd)) == 1
        for now in (5000, 5100, 5200):
            monkeypatch.setattr("time.monotonic", lambda now=now: now)
            lively.beat()
        assert heard(systemd) == []
        hung.beat()
        assert len(heard(systemd)) == 1


def test_an_end_is_no_hang(
    systemd: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat = Heartbeat(notifier)
    with heartbeat.life() as lively:
        with heartbeat.life():
            pass
        for now in (5000, 5100, 5200):
            monkeypatch.setattr("time.monotonic", lambda now=now: now)
            lively.beat()
    assert len(heard(systemd)) == 3


def test_without_a_watchdog_nobody_is_pinged(systemd: socket.socket) -> None:
    notifier = Notifier()
    with Heartbeat(notifier).life() as life:
        life.beat()
    assert heard(systemd) == []
    notifier.close()


class Told(SimpleQueue[object]):
    """The records of the log, as they come."""

    def filter(self, record: object) -> bool:
        self.put(record)
        return True


def test_who_stops_beating_is_named(notifier: Notifier, caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    caplog.handler.addFilter(told.filter)
    heartbeat = Heartbeat(notifier)
    job = move(new_job(0, "face", "voice", Options()), State.RUNNING)
    alarm = StallAlarm(heartbeat, timeout=0.01)
    with heartbeat.life(job):
        alarm.start()
        record = told.get()
        alarm.stop()
    caplog.handler.removeFilter(told.filter)
    assert f"job {job.id} has not moved" in caplog.records[0].getMessage()
    assert record.fields["MESSAGE_ID"] == WATCHDOG_STALL.id  # type: ignore[attr-defined]
    assert record.fields["LIPSYNCD_JOB_ID"] == job.id  # type: ignore[attr-defined]
