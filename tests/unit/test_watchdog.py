"""The watchdog hears of the queue's beats, and of nothing else."""

import socket
from collections.abc import Iterator

import pytest

from lipsyncd.system.notify import Notifier
from lipsyncd.system.watchdog import PINGS, Heartbeat


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


def test_a_beat_is_one_ping(systemd: socket.socket, notifier: Notifier) -> None:
    heartbeat = Heartbeat(notifier)
    heartbeat.beat()
    heartbeat.beat()
    heartbeat.pass_on()
    heartbeat.pass_on()
    assert heard(systemd) == [b"WATCHDOG=1"]


def test_a_queue_that_never_beats_is_never_told(systemd: socket.socket, notifier: Notifier) -> None:
    Heartbeat(notifier).pass_on()
    assert heard(systemd) == []


def test_who_waits_for_a_disk_is_excused_until_it_answers(
    systemd: socket.socket, notifier: Notifier
) -> None:
    heartbeat = Heartbeat(notifier)
    with heartbeat.waiting_for_disk():
        heartbeat.pass_on()
        heartbeat.pass_on()
    assert len(heard(systemd)) == 2
    heartbeat.pass_on()
    assert heard(systemd) == []


def test_beats_are_passed_on_many_times_in_the_watchdogs_patience(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    notifier = Notifier()
    heartbeat = Heartbeat(notifier)
    assert heartbeat.pause == 0.2 / PINGS
    with heartbeat.passed_on():
        for _ in range(3):
            heartbeat.beat()
            assert systemd.recv(99) == b"WATCHDOG=1"
    notifier.close()


def test_the_least_that_was_left_of_its_patience_is_remembered(notifier: Notifier) -> None:
    heartbeat = Heartbeat(notifier)
    assert heartbeat.least_margin == 1000
    heartbeat.beat()
    heartbeat.pass_on()
    before = heartbeat.least_margin
    heartbeat.beat()
    heartbeat.pass_on()
    assert before < 1000
    assert heartbeat.least_margin <= before


def test_without_a_watchdog_nobody_is_pinged(systemd: socket.socket) -> None:
    notifier = Notifier()
    with Heartbeat(notifier).passed_on():
        assert heard(systemd) == []
    assert Heartbeat(notifier).least_margin is None
    notifier.close()
