"""Every client has its own session, and whatever it does costs only that one."""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon, living, session_of, with_controlplane
from support.daemon.renderers import Gate, Steps

from lipsyncd import __version__
from lipsyncd.errors import (
    InternalError,
    InvalidRequest,
    KeyTaken,
    LipsyncError,
    MalformedMessage,
    NoFace,
    SessionsFull,
    UnknownJob,
    UnsupportedVerb,
    VersionMismatch,
)
from lipsyncd.protocol.connection import Connection, Message
from lipsyncd.protocol.job import Paths, Progress, move
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import State
from lipsyncd.protocol.terms import Terms
from lipsyncd.protocol.wire import HEADER, VERSIONS, Kind, decode_body, decode_header, encode
from lipsyncd.queue.transitions import new_job
from lipsyncd.server import server
from lipsyncd.server.client import ClientConnection
from lipsyncd.server.peer import Peer
from lipsyncd.server.request import Reply, Request
from lipsyncd.server.server import MAX_OF_USER
from lipsyncd.server.session import Session
from lipsyncd.server.verbs import VERBS
from lipsyncd.server.verbs.jobs import MAX_LISTED
from lipsyncd.system.journal import LineFormatter, fields_of

HELLO = encode(
    Kind.REQUEST, {"verb": "hello", "id": 1, "versions": list(VERSIONS), "client": "a test"}
)
HEALTH = encode(Kind.REQUEST, {"verb": "health", "id": 2})


@contextmanager
def bare(daemon: Daemon) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.config.socket))
        yield sock


def sessions() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "session"]


def last_words(sock: socket.socket) -> LipsyncError:
    """The error that comes in, after which the daemon has hung up, and that without a reset."""
    data = b""
    while part := sock.recv(999):
        data += part
    kind, _ = decode_header(data[: HEADER.size])
    assert kind is Kind.ERROR
    return LipsyncError.from_map(decode_body(data[HEADER.size :]))


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
    with bare(daemon) as sock:
        sock.sendall(HEALTH)
        assert isinstance(last_words(sock), MalformedMessage)


def test_an_unknown_verb_is_refused_and_the_session_goes_on(client: Client) -> None:
    with pytest.raises(UnsupportedVerb, match="dance"):
        client.ask("dance")
    assert client.ask("health")["verb"] == "reported"


def test_keys_of_a_newer_client_are_ignored(client: Client) -> None:
    assert client.ask("health", colour="blue")["verb"] == "reported"


def test_a_client_that_echoes_a_whole_message_gets_a_short_error(client: Client) -> None:
    with pytest.raises(UnknownJob) as caught:
        client.ask("status", job="x" * 1_000_000)
    assert len(caught.value.message) <= 1000


def test_a_user_has_so_many_sessions_and_is_told_to_come_back(daemon: Daemon) -> None:
    with ExitStack() as clients:
        first = clients.enter_context(daemon.client())
        for _ in range(MAX_OF_USER - 1):
            clients.enter_context(daemon.client())
        with pytest.raises(SessionsFull, match="16 sessions") as caught, daemon.client():
            pass
        assert caught.value.retryable
        assert first.ask("health")["verb"] == "reported"


def test_all_users_together_have_so_many_sessions(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_OF_USER", 1000)
    with ExitStack() as clients:
        for _ in range(server.MAX_SESSIONS):
            clients.enter_context(daemon.client())
        with pytest.raises(SessionsFull, match="64 sessions"), daemon.client():
            pass


class Groups:
    """The list of groups, in which a look-up can take long; all clients are of user `uid`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.uid, self.admin_gid = 4242, 77
        self.asked, self.answer = threading.Event(), threading.Event()
        monkeypatch.setattr(server, "MAX_OF_USER", 1000)
        monkeypatch.setattr(Peer, "of", lambda _sock: Peer(1, self.uid, frozenset({self.uid})))
        monkeypatch.setattr("grp.getgrnam", self._looked_up)

    def _looked_up(self, _name: str) -> SimpleNamespace:
        self.asked.set()
        self.answer.wait()
        return SimpleNamespace(gr_gid=self.admin_gid)


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[Groups]:
    groups = Groups(monkeypatch)
    yield groups
    groups.answer.set()


def test_a_slow_list_of_groups_keeps_only_who_asks_for_the_last_seats_waiting(
    daemon: Daemon, groups: Groups
) -> None:
    with ExitStack() as clients:
        for _ in range(server.MAX_SESSIONS - server.KEPT_FOR_ADMINS):
            clients.enter_context(daemon.client())
        late = clients.enter_context(bare(daemon))
        late.sendall(HELLO)
        groups.asked.wait()
        groups.uid = 0
        for _ in range(server.KEPT_FOR_ADMINS):
            assert clients.enter_context(daemon.client()).ask("health")["verb"] == "reported"
        groups.answer.set()
        assert isinstance(error := last_words(late), SessionsFull)
        assert "kept for admins" in error.message


def test_the_last_seats_are_for_members_of_the_admin_group(daemon: Daemon, groups: Groups) -> None:
    groups.answer.set()
    with ExitStack() as clients:
        for _ in range(server.MAX_SESSIONS - server.KEPT_FOR_ADMINS):
            clients.enter_context(daemon.client())
        with pytest.raises(SessionsFull, match="kept for admins"), daemon.client():
            pass
        groups.uid = groups.admin_gid
        for _ in range(server.KEPT_FOR_ADMINS):
            clients.enter_context(daemon.client())
        with pytest.raises(SessionsFull, match="64 sessions"), daemon.client():
            pass


def test_a_flood_is_answered_and_nobody_is_reset(daemon: Daemon) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(bare(daemon)) for _ in range(100)]
        for sock in clients:
            with suppress(BrokenPipeError):  # it has been refused already
                sock.sendall(HELLO + HEALTH)
        for sock in clients[:MAX_OF_USER]:
            with Connection(sock.dup()) as connection:
                message = connection.receive()
                assert message and message.body["verb"] == "welcomed"
        for sock in clients[MAX_OF_USER:]:
            assert isinstance(last_words(sock), SessionsFull)


def test_a_refused_client_that_has_said_all_already_reads_why(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    refuse = server.Server._refuse

    def late(self: server.Server, guest: server.Guest, reason: str) -> None:
        asked.wait()
        refuse(self, guest, reason)

    monkeypatch.setattr(server, "MAX_OF_USER", 0)
    monkeypatch.setattr(server.Server, "_refuse", late)
    with bare(daemon) as sock:
        sock.sendall(HELLO + HEALTH * 100)
        asked.set()
        assert isinstance(last_words(sock), SessionsFull)


def test_a_client_that_leaves_makes_room_for_another(daemon: Daemon) -> None:
    with ExitStack() as stack:
        socks = [stack.enter_context(bare(daemon)) for _ in range(MAX_OF_USER)]
        for sock in socks:
            sock.sendall(HELLO)
            assert sock.recv(999)
        for sock in socks:
            with pytest.raises(SessionsFull), daemon.client():
                pass
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(999) == b""  # its session is over
            stack.enter_context(daemon.client())


def test_a_client_that_says_nothing_is_told_to(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.server.session.HELLO_SECONDS", 0.05)
    with bare(daemon) as sock:
        error = last_words(sock)
    assert (error.name, error.message) == ("proto.malformed", "No hello came in time.")


def test_an_idle_session_ends(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsyncd.server.session.IDLE_SECONDS", 0.05)
    with daemon.client() as client:
        assert client.connection.receive() is None


def test_a_session_that_waits_is_not_idle(
    daemon: Daemon, client: Client, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.submit(tmp_path)
    gate.at.get()
    monkeypatch.setattr("lipsyncd.server.session.IDLE_SECONDS", 0.05)
    monkeypatch.setattr("lipsyncd.server.verbs.wait.EVENT_SILENCE", 0.1)
    with daemon.client() as waiting:
        waiting.say("wait", job=job, progress=True)
        for _ in range(3):
            assert waiting.hear().kind is Kind.EVENT
        gate.let_go()
        while waiting.hear().kind is Kind.EVENT:
            pass


def test_clients_that_never_come_to_the_point_cost_nobody_else(daemon: Daemon) -> None:
    with ExitStack() as stack:
        for length in range(1, MAX_OF_USER):
            sock = stack.enter_context(bare(daemon))
            sock.sendall(HELLO[:length])
        with daemon.client() as client:
            assert client.ask("health")["verb"] == "reported"


def test_a_session_that_breaks_breaks_alone(
    daemon: Daemon,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_request: Request) -> Reply:
        raise ZeroDivisionError("the handler's own fault")

    monkeypatch.setitem(VERBS, "info", broken)
    with daemon.client() as other:
        with pytest.raises(InternalError, match="broke"):
            other.ask("info")
        assert other.ask("health")["verb"] == "reported"
    assert client.ask("health")["verb"] == "reported"
    assert "the handler's own fault" in caplog.text


def test_a_client_killed_while_waiting_frees_its_session(
    daemon: Daemon, tmp_path: Path, gate: Gate
) -> None:
    with daemon.client() as client:
        job = client.submit(tmp_path)
        gate.at.get()
        before = set(sessions())
        with ExitStack() as stack:
            for verb in ("wait", "follow", "wait"):
                stack.enter_context(daemon.client()).say(verb, job=job)
            threads = set(sessions()) - before
            assert len(threads) == 3
        for thread in threads:
            thread.join()
        assert client.job(job)["state"] == "running"


def counting(_options: Options, paths: Paths, *_: object) -> Steps:
    """As many steps as fit into half a second, each of them posted."""
    begun, step = time.monotonic(), 0
    while time.monotonic() - begun < 0.5:
        step += 1
        yield Progress(step, 10**6, step)
    paths.result.write_bytes(b"")
    yield Progress(step + 1, step + 1, 0)


def done_in(message: Message) -> int:
    job: Any = message.body["job"]
    return int(job["done"])


def test_of_progress_a_client_that_does_not_read_gets_the_newest_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.server.verbs.wait.EVENT_PAUSE", 0.0)
    with living(tmp_path, counting) as daemon, daemon.client() as client:
        job = client.submit(tmp_path)
        with daemon.client() as other:
            client.say("wait", job=job, progress=True)
            steps = other.end_of(job)["done"]
        done = []
        while (message := client.hear()).kind is Kind.EVENT:
            done.append(done_in(message))
        assert done_in(message) == steps
        assert done == sorted(done)
        assert 1 < len(done) < 100 < steps


def test_a_client_that_reads_no_replies_loses_its_session(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with (
        with_controlplane(tmp_path) as controlplane,
        ours,
        ClientConnection(theirs, controlplane.intake, os.getuid(), timeout=0.05) as connection,
    ):
        session = Session(connection, Peer(1, os.getuid()), controlplane)
        thread = threading.Thread(target=session.run)
        thread.start()
        ours.sendall(HELLO)
        number = 1
        ours.setblocking(False)
        with suppress(BrokenPipeError):
            while thread.is_alive():
                with suppress(BlockingIOError):  # then none of it was sent
                    ours.send(encode(Kind.REQUEST, {"verb": "health", "id": number + 1}))
                    number += 1
        thread.join(60.0)
        assert not thread.is_alive()


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
        for thread in sessions():
            thread.join()
        assert len(os.listdir("/proc/self/fd")) <= before


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


def test_the_longest_list_fits_into_a_message(tmp_path: Path) -> None:
    fat = "\N{CLAPPER BOARD}" * 255
    error = NoFace("x" * 1000, "y" * 200).as_map()
    with with_controlplane(tmp_path) as controlplane:
        for number in range(MAX_LISTED):
            terms = Terms(key=f"{number:03}{fat[:125]}")
            job = new_job(os.getuid(), fat, fat, Options(), terms)
            running = controlplane.store.begin(controlplane.store.add(job).id)
            assert running
            controlplane.store.put(move(running, State.FAILED, ended_at=0.0, error=error))
        with session_of(os.getuid(), controlplane) as client:
            assert len(client.ask("list")["jobs"]) == MAX_LISTED


def test_info_tells_what_is_loaded(client: Client) -> None:
    reply = client.ask("info")
    assert (reply["version"], reply["pid"]) == (__version__, os.getpid())


def test_what_is_refused_is_told_but_not_without_end(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(200):
        with pytest.raises(UnsupportedVerb):
            client.ask("dance")
    assert caplog.text.count("how to dance") == 20


HOSTILE = "\n<0>MESSAGE=a lie\0%s%n{}\x1b[2J\u202e\udcff"


def test_the_words_of_a_client_stay_on_their_line(
    client: Client, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(for_journal=True))
    logging.getLogger().addHandler(handler)
    file = os.memfd_create("input")
    try:
        with pytest.raises(UnsupportedVerb):
            client.ask(HOSTILE)
        with pytest.raises(InvalidRequest):
            client.ask("submit", (file, file), face="f", voice="v", options={HOSTILE: 1})
        names = {"face": HOSTILE, "voice": HOSTILE}
        client.ask("submit", (file, file), **names, terms={"key": HOSTILE})
        with pytest.raises(KeyTaken):
            client.ask("submit", (file, file), face="f", voice="v", terms={"key": HOSTILE})
        client.ask("drain", reason="%s{}%n")
        client.ask("resume")
    finally:
        os.close(file)
        logging.getLogger().removeHandler(handler)
    lines = capfd.readouterr().err.splitlines()
    assert sum("MESSAGE=a lie" in line for line in lines) == 2  # names and keys are not told at all
    assert sum("%s{}%n" in line for line in lines) >= 1
    for line in lines:
        assert line.isprintable()
        assert line.startswith(("<5>", "<6>"))
    for record in caplog.records:
        fields = fields_of(record)
        assert all(re.fullmatch("[A-Z][A-Z_]*", name) for name in fields)
        assert "\n" not in "".join(fields.values())
