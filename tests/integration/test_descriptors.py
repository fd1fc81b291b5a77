"""What a client may hand in as a file, and that nothing it hands in stays open."""

import array
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.daemon.inprocess import Daemon
from support.daemon.renderers import Gate

from lipsyncd.errors import InvalidRequest, MalformedMessage, NotAFile
from lipsyncd.protocol.wire import Kind, encode

PAUSE_SECONDS = 0.01
NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}
Opening = Callable[[Path, ExitStack], int]


def opened(path: Path, flags: int, stack: ExitStack) -> int:
    descriptor = os.open(path, flags)
    stack.callback(os.close, descriptor)
    return descriptor


def a_file(directory: Path, stack: ExitStack, flags: int = os.O_RDONLY) -> int:
    (directory / "file").write_bytes(b"content")
    return opened(directory / "file", flags, stack)


def a_fifo(directory: Path, stack: ExitStack) -> int:
    os.mkfifo(directory / "fifo")
    return opened(directory / "fifo", os.O_RDONLY | os.O_NONBLOCK, stack)


def a_pipe(_directory: Path, stack: ExitStack) -> int:
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    stack.callback(os.close, writer)
    return reader


def a_socket(_directory: Path, stack: ExitStack) -> int:
    return stack.enter_context(socket.socket(socket.AF_UNIX)).fileno()


def an_event(_directory: Path, stack: ExitStack) -> int:
    descriptor = os.eventfd(0)
    stack.callback(os.close, descriptor)
    return descriptor


REFUSED: dict[str, tuple[Opening, str]] = {
    "a directory": (lambda place, stack: opened(place, os.O_RDONLY, stack), "not a regular file"),
    "a device": (lambda _, stack: opened(Path(os.devnull), os.O_RDONLY, stack), "not a regular"),
    "an endless device": (lambda _, s: opened(Path("/dev/zero"), os.O_RDONLY, s), "not a regular"),
    "a FIFO": (a_fifo, "not a regular file"),
    "a pipe": (a_pipe, "not a regular file"),
    "a socket": (a_socket, "not a regular file"),
    "an eventfd": (an_event, "not a regular file"),
    "a name only": (lambda place, stack: a_file(place, stack, os.O_PATH), "opened for reading"),
    "write-only": (lambda place, stack: a_file(place, stack, os.O_WRONLY), "opened for reading"),
    "append-only": (
        lambda place, stack: a_file(place, stack, os.O_WRONLY | os.O_APPEND),
        "opened for reading",
    ),
}


@pytest.fixture
def settled(daemon: Daemon) -> Iterator[None]:
    """The test leaves nothing open in the daemon, which is this process."""
    daemon.is_ready.wait()  # what it has open all its life is open by then
    before = len(os.listdir("/proc/self/fd"))
    yield
    for thread in threading.enumerate():
        if thread.name == "session":
            thread.join()
    while len(os.listdir("/proc/self/fd")) > before:  # other threads open files for a moment
        time.sleep(PAUSE_SECONDS)


def spooled(directory: Path) -> list[str]:
    return os.listdir(directory / "state/spool")


@pytest.mark.parametrize("opening, words", REFUSED.values(), ids=REFUSED)
def test_what_is_no_file_to_read_is_refused_by_name(
    daemon: Daemon, settled: None, tmp_path: Path, opening: Opening, words: str
) -> None:
    with daemon.client() as client, ExitStack() as stack:
        bad = opening(tmp_path, stack)
        good = opened(Path(__file__), os.O_RDONLY, stack)
        for inputs, name in (((bad, good), "face"), ((good, bad), "voice")):
            with pytest.raises(NotAFile, match=f"The {name} .*{words}"):
                client.ask("submit", inputs, **NAMES)
        assert spooled(tmp_path) == []
        assert client.ask("list")["jobs"] == []


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
def test_a_file_to_read_is_taken_and_not_written(
    daemon: Daemon, gate: Gate, tmp_path: Path, flags: int
) -> None:
    gate.let_go()
    with daemon.client() as client, ExitStack() as stack:
        file = a_file(tmp_path, stack, flags)
        os.lseek(file, 3, os.SEEK_SET)
        job = client.ask("submit", (file, file), **NAMES)["job"]["id"]
        client.end_of(job)
        assert client.result_of(job) == b"contentcontent"
        assert os.lseek(file, 0, os.SEEK_CUR) == 3


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 6])
def test_a_submission_has_as_many_descriptors_as_files(
    daemon: Daemon, settled: None, tmp_path: Path, count: int
) -> None:
    with daemon.client() as client, ExitStack() as stack:
        file = a_file(tmp_path, stack)
        with pytest.raises(
            InvalidRequest, match=f"{count}.* desc|, not {count}|and {count - 1} desc"
        ):
            client.ask("submit", (file,) * count, **NAMES)
        assert client.ask("health")["verb"] == "reported"


def test_a_request_right_before_a_submission_has_none_of_its_descriptors(
    daemon: Daemon, gate: Gate, settled: None, tmp_path: Path
) -> None:
    gate.let_go()
    frames = [
        encode(Kind.REQUEST, {"verb": "health", "id": 2}),
        encode(Kind.REQUEST, {"verb": "submit", "id": 3, **NAMES}),
    ]
    with daemon.client() as client, ExitStack() as stack:
        sock = stack.enter_context(socket.socket(fileno=os.dup(client.connection.fileno())))
        rights = array.array("i", [a_file(tmp_path, stack)] * 2)
        sock.sendall(frames[0] + frames[1][:5])  # and the descriptors come with the rest
        sock.sendmsg([frames[1][5:]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        assert client.hear().body["verb"] == "reported"
        assert client.hear().body["verb"] == "accepted"


@pytest.mark.parametrize("verb", ["hello", "list", "status", "fetch", "wait", "follow", "drain"])
def test_other_requests_have_none(daemon: Daemon, settled: None, tmp_path: Path, verb: str) -> None:
    with daemon.client() as client, ExitStack() as stack:
        with pytest.raises(InvalidRequest, match="0 descriptors, not 1"):
            client.ask(verb, (a_file(tmp_path, stack),))
        assert client.ask("health")["verb"] == "reported"


@pytest.mark.parametrize("count", [9, 64, 253])
def test_more_than_a_message_may_have_end_the_session(
    daemon: Daemon, settled: None, tmp_path: Path, count: int
) -> None:
    with daemon.client() as client, ExitStack() as stack:
        file = a_file(tmp_path, stack)
        with pytest.raises(MalformedMessage, match="Descriptors of a message were lost"):
            client.ask("submit", (file,) * count, **NAMES)
        assert client.connection.receive() is None


def test_descriptors_that_come_with_half_a_message_are_closed(
    daemon: Daemon, settled: None, tmp_path: Path
) -> None:
    data = encode(Kind.REQUEST, {"verb": "submit", "id": 2, **NAMES})
    with daemon.client() as client, ExitStack() as stack:
        sock = stack.enter_context(socket.socket(fileno=os.dup(client.connection.fileno())))
        rights = array.array("i", [a_file(tmp_path, stack)] * 4)
        sock.sendmsg([data[:20]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(MalformedMessage, match="in the middle"):
            client.hear()


def test_descriptors_that_nobody_received_are_closed(
    daemon: Daemon, settled: None, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    with daemon.client() as client:
        client.say("wait", (), job=client.submit(tmp_path))
        for _ in range(20):
            client.say("submit", (reader, reader), **NAMES)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        while True:  # until the daemon has seen that its client left
            os.write(writer, b"x")
    os.close(writer)


def test_a_result_that_is_not_read_stays_nobodys(
    daemon: Daemon, settled: None, tmp_path: Path, gate: Gate
) -> None:
    gate.let_go()
    with daemon.client() as client:
        job = client.submit(tmp_path)
        client.end_of(job)
        for _ in range(5):
            client.say("fetch", job=job)
