"""The watchdog hears of beats and of nothing else; who stops beating is named."""

import socket
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from lipsyncd.board import Board
from lipsyncd.events import WATCHDOG_STALL
from lipsyncd.heartbeat import Heartbeat, StallAlarm
from lipsyncd.job import Options, State, move, new_job
from lipsyncd.notify import Notifier


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
    heartbeat = Heartbeat(notifier)
    assert heard(systemd) == []
    heartbeat.beat()
    assert heard(systemd) == [b"WATCHDOG=1"]


def test_many_beats_are_few_pings(systemd: socket.socket, notifier: Notifier) -> None:
    heartbeat = Heartbeat(notifier)
    for _ in range(100):
        heartbeat.beat()
    assert heard(systemd) == [b"WATCHDOG=1"]


def test_there_is_a_ping_in_each_tenth_of_the_patience(
    systemd: socket.socket, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat = Heartbeat(notifier)
    for now in (5000, 5050, 5099, 5101, 5200, 5202):
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        heartbeat.beat()
    assert len(heard(systemd)) == 3


def test_without_a_watchdog_nobody_is_pinged(systemd: socket.socket) -> None:
    notifier = Notifier()
    Heartbeat(notifier).beat()
    assert heard(systemd) == []
    notifier.close()


class Told(SimpleQueue[object]):
    """The records of the log, as they come."""

    def filter(self, record: object) -> bool:
        self.put(record)
        return True


def test_who_stops_beating_is_named(
    tmp_path: Path, notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    caplog.handler.addFilter(told.filter)
    board = Board()
    job = move(new_job(0, "face", "voice", Options()), State.RUNNING)
    board.post(job)
    alarm = StallAlarm(Heartbeat(notifier), board, patience=0.01)
    alarm.start()
    record = told.get()
    alarm.stop()
    caplog.handler.removeFilter(told.filter)
    assert f"job {job.id} has not moved" in caplog.records[0].getMessage()
    assert record.fields["MESSAGE_ID"] == WATCHDOG_STALL.id  # type: ignore[attr-defined]
    assert record.fields["LIPSYNCD_JOB_ID"] == job.id  # type: ignore[attr-defined]
