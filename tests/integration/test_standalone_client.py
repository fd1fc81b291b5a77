"""The protocol's page is enough: who goes by it alone gets a result, and knows what went wrong."""

import ast
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
from support import protocol_page as page
from support.daemon import reencoding
from support.daemon.inprocess import Daemon
from support.daemon.reencoding import ReencodingDaemon, reencoding_daemon
from support.paths import ROOT

from lipsyncd.protocol.wire import HEADER, Kind

CLIENT = ROOT / "tests/support/client/standalone.py"
MOST_LINES = 40
ALLOWED = {"array", "msgpack", "socket", "struct"}
HELLO = {"verb": "hello", "id": 1, "versions": [1, 1], "client": "a test"}


def run(daemon: ReencodingDaemon, path: Path, result: Path) -> subprocess.CompletedProcess[str]:
    words = "".join(f"{each}\n" for each in (path, daemon.face, daemon.voice, result))
    command = [sys.executable, "-I", CLIENT]
    return subprocess.run(command, input=words, capture_output=True, text=True, check=False)


def test_a_client_of_forty_lines_renders_and_fetches(tmp_path: Path) -> None:
    with reencoding_daemon(tmp_path) as daemon:
        ended = run(daemon, tmp_path / "control.sock", tmp_path / "out.mp4")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert reencoding.frames_in(tmp_path / "out.mp4") == reencoding.FRAMES


def test_that_client_has_nothing_but_a_socket_and_msgpack() -> None:
    code = CLIENT.read_text()
    assert len(code.splitlines()) <= MOST_LINES
    imported = {
        alias.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(str(node.module))])
    }
    assert imported <= ALLOWED


@contextmanager
def proxied(path: Path, beyond: Path) -> Iterator[None]:
    """A socket at `path` whose bytes, and only those, go to the one beyond and back, once."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=relay, args=(listener, beyond))
        thread.start()
        yield
        thread.join()


def relay(listener: socket.socket, beyond: Path) -> None:
    client, _ = listener.accept()
    with client, socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect(str(beyond))
        back = threading.Thread(target=pump, args=(daemon, client))
        back.start()
        pump(client, daemon)
        back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_descriptors_lost_by_a_proxy_are_named_as_that(tmp_path: Path) -> None:
    proxy, result = tmp_path / "proxy.sock", tmp_path / "out.mp4"
    with reencoding_daemon(tmp_path) as daemon, proxied(proxy, tmp_path / "control.sock"):
        ended = run(daemon, proxy, result)
    assert ended.returncode == 1
    assert "request.invalid: 0 of the 2 descriptors of submit came in." in ended.stderr
    assert "Unix socket on this machine: files travel as descriptors" in ended.stderr
    assert not result.exists()


def said(body: object, kind: int = Kind.REQUEST, magic: bytes = b"LS", version: int = 1) -> bytes:
    packed = msgpack.packb(body)
    return HEADER.pack(magic, version, kind, len(packed)) + packed


def last_words(daemon: Daemon, *messages: bytes) -> Any:
    """What a daemon says last before it hangs up on somebody who says all this."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.config.socket))
        sock.sendall(b"".join(messages))
        data = b""
        while part := sock.recv(4096):
            data += part
    while True:
        _, _, kind, length = HEADER.unpack(data[: HEADER.size])
        body, data = data[HEADER.size :][:length], data[HEADER.size + length :]
        if not data:
            assert kind == Kind.ERROR
            return msgpack.unpackb(body)


MISTAKES = {
    "not this protocol": said(HELLO, magic=b"GE"),
    "another version": said(HELLO, version=7),
    "an unknown kind": said(HELLO, kind=9),
    "a daemon's message": said(HELLO, kind=Kind.REPLY),
    "no map": said([]),
    "no id": said({"verb": "hello"}),
    "an id that is a float": said({**HELLO, "id": 1.0}),
    "no hello": said({"verb": "list", "id": 1}),
    "no version in common": said({**HELLO, "versions": [7, 9]}),
    "an id that was there": said(HELLO) * 2,
}
WITH_ID = {"a daemon's message", "no hello", "no version in common", "an id that was there"}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_of_a_foreign_client_is_told_in_its_own_terms(daemon: Daemon, what: str) -> None:
    error = last_words(daemon, MISTAKES[what])
    assert error["id"] == (1 if what in WITH_ID else None)
    assert f"`{error['name']}`" in page.text()
    assert page.PAGE.name in error["hint"]
