"""Every client has its own session, and whatever it does costs only that one."""

import os
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from living import Client, Daemon, living
from paced import Gate

from lipsyncd import __version__
from lipsyncd.connection import Connection
from lipsyncd.errors import (
    InvalidRequest,
    LipsyncError,
    MalformedMessage,
    SessionsFull,
    UnknownJob,
    UnsupportedVerb,
    VersionMismatch,
)
from lipsyncd.sessions.server import MAX_SESSIONS
from lipsyncd.wire import HEADER, Kind, encode


def bare(daemon: Daemon) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(daemon.config.socket))
    return sock


def answer_to(daemon: Daemon, data: bytes) -> LipsyncError:
    """The error that these bytes meet, after which the daemon has hung up."""
    with bare(daemon) as sock:
        sock.sendall(data)
        connection = Connection(sock)
        message = connection.receive()
        assert message and message.kind is Kind.ERROR
        assert connection.receive() is None
        return LipsyncError.from_map(message.body)


def test_a_session_begins_with_a_welcome(daemon: Daemon) -> None:
    with daemon.client(greet=False) as client:
        reply = client.ask("hello", versions=[1, 7], client="a newer one")
    assert reply["verb"] == "welcomed"
    assert (reply["version"], reply["server"]) == (1, __version__)


@pytest.mark.parametrize(
    "versions, error",
    [
        ([2, 3], VersionMismatch),
        ([0, 0], VersionMismatch),
        ([1], InvalidRequest),
        (["1", "1"], InvalidRequest),
        ([True, True], InvalidRequest),
        (None, InvalidRequest),
    ],
)
def test_versions_that_do_not_fit_are_named(
    daemon: Daemon, versions: object, error: type[LipsyncError]
) -> None:
    with daemon.client(greet=False) as client, pytest.raises(error):
        client.ask("hello", versions=versions, client="a test")


def test_nothing_is_answered_before_hello(daemon: Daemon) -> None:
    body = {"verb": "health", "id": 1}
    assert isinstance(answer_to(daemon, encode(Kind.REQUEST, body)), MalformedMessage)


def test_an_unknown_verb_is_refused_and_the_session_goes_on(client: Client) -> None:
    with pytest.raises(UnsupportedVerb, match="dance"):
        client.ask("dance")
    assert client.ask("health")["verb"] == "reported"


def test_keys_of_a_newer_client_are_ignored(client: Client) -> None:
    assert client.ask("health", colour="blue")["verb"] == "reported"


@pytest.mark.parametrize(
    "fields",
    [{}, {"job": 5}, {"job": None}, {"job": ["k3"]}, {"job": "k3", "progress": 1}],
)
def test_a_field_of_another_type_is_an_invalid_request(
    client: Client, fields: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest):
        client.ask("wait", **fields)


@pytest.mark.parametrize("limit", [0, -1, 201, "all"])
def test_a_list_has_its_limits(client: Client, limit: object) -> None:
    with pytest.raises(InvalidRequest):
        client.ask("list", limit=limit)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        HEADER.pack(b"LS", 1, 1, 0xFFFFFFFF),
        HEADER.pack(b"LS", 1, 1, 1) + b"\xc1",
        encode(Kind.REPLY, {"verb": "hello", "id": 1}),
        encode(Kind.REQUEST, {"verb": "hello", "id": "one"}),
        encode(Kind.REQUEST, {"verb": "hello"}),
    ],
)
def test_what_is_no_request_ends_only_its_own_session(
    daemon: Daemon, client: Client, data: bytes
) -> None:
    assert answer_to(daemon, data).code == 76
    assert client.ask("health")["verb"] == "reported"


def test_a_client_that_echoes_a_whole_message_gets_a_short_error(client: Client) -> None:
    with pytest.raises(UnknownJob) as caught:
        client.ask("status", job="x" * 1_000_000)
    assert len(caught.value.message) <= 1000


def test_the_sixty_fifth_client_is_told_to_come_back(daemon: Daemon) -> None:
    with ExitStack() as clients:
        first = clients.enter_context(daemon.client())
        for _ in range(MAX_SESSIONS - 1):
            clients.enter_context(daemon.client())
        with pytest.raises(SessionsFull) as caught, daemon.client():
            pass
        assert caught.value.retryable
        assert first.ask("health")["verb"] == "reported"


def test_a_client_that_leaves_makes_room_for_another(daemon: Daemon) -> None:
    for _ in range(3 * MAX_SESSIONS):
        with daemon.client() as client:
            client.connection.hang_up()
            client.connection.close()
        with ExitStack() as attempt:
            while True:
                try:
                    attempt.enter_context(daemon.client())
                    break
                except SessionsFull:
                    continue


def test_a_client_killed_while_waiting_frees_its_session(
    daemon: Daemon, tmp_path: Path, gate: Gate
) -> None:
    with daemon.client() as client:
        job = client.submit(tmp_path)
        gate.at.get()
        before = threading.active_count()
        waiting = [bare(daemon) for _ in range(3)]
        for sock in waiting:
            Client(Connection(sock)).say("wait", job=job)
        assert threading.active_count() == before + 3
        threads = [each for each in threading.enumerate() if each.name == "session"][-3:]
        for sock in waiting:
            sock.close()
        for thread in threads:
            thread.join()
        assert client.job(job)["state"] == "running"


def test_no_session_leaves_a_descriptor_open(tmp_path: Path) -> None:
    with living(tmp_path) as daemon:
        before = len(os.listdir("/proc/self/fd"))
        with daemon.client() as client:
            job = client.submit(tmp_path)
            client.end_of(job)
            client.result_of(job)
            with pytest.raises(InvalidRequest):
                client.ask("health", (0, 1, 2))
            with pytest.raises(InvalidRequest):
                client.ask("submit", (0, 1, 2, 0), face="f", voice="v")
        session = [each for each in threading.enumerate() if each.name == "session"]
        for thread in session:
            thread.join()
        assert len(os.listdir("/proc/self/fd")) == before


def test_health_tells_what_the_daemon_is_doing(tmp_path: Path) -> None:
    with living(tmp_path, is_loaded=False) as daemon, daemon.client() as client:
        report = client.ask("health")
        assert (report["state"], report["ready"]) == ("warming", False)
        assert report["detail"] == "loading nothing at all"
        job = client.submit(tmp_path)
        assert client.ask("health")["queued"] == 1
        daemon.may_load.set()
        assert client.end_of(job)["state"] == "succeeded"
        report = client.ask("health")
        assert (report["state"], report["ready"], report["device"]) == ("ready", True, "none")
        assert (report["queued"], report["running"]) == (0, 0)


def test_info_tells_what_is_loaded(client: Client) -> None:
    reply = client.ask("info")
    assert (reply["version"], reply["pid"]) == (__version__, os.getpid())
