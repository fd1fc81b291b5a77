"""Whatever is no request as the protocol has it meets an error with a name, and says which."""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
from support.client.session import Client
from support.daemon.inprocess import Daemon

from lipsyncd.errors import InvalidRequest, LipsyncError
from lipsyncd.protocol.connection import Connection
from lipsyncd.protocol.wire import HEADER, MAX_BODY, MAX_VALUES, VERSIONS, Kind, encode

HELLO = encode(
    Kind.REQUEST, {"verb": "hello", "id": 1, "versions": list(VERSIONS), "client": "a test"}
)


def framed(body: bytes) -> bytes:
    return HEADER.pack(b"LS", 1, Kind.REQUEST, len(body)) + body


def request(verb: object, number: object = 2, **fields: object) -> bytes:
    return encode(Kind.REQUEST, {"verb": verb, "id": number, **fields})


@contextmanager
def greeted(daemon: Daemon) -> Iterator[tuple[socket.socket, Connection]]:
    """A bare socket with a session that has begun, and the same as a connection."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(daemon.config.socket))
    with Connection(sock) as connection:
        send(sock, HELLO)
        welcomed = connection.receive()
        assert welcomed and welcomed.body["verb"] == "welcomed"
        yield sock, connection


def send(sock: socket.socket, data: bytes) -> None:
    """All of it, over a socket that never blocks."""
    while data:
        select.select([], [sock], [])
        data = data[sock.send(data) :]


# After each of these nothing can be trusted, and the session is over.
FATAL = {
    "noise": (b"GET / HTTP/1.1\r\n\r\n", "proto.malformed", "not a message of this protocol"),
    "zeros": (bytes(64), "proto.malformed", "not a message of this protocol"),
    "version 0": (HEADER.pack(b"LS", 0, 1, 1), "proto.version", "version 0"),
    "version 2": (HEADER.pack(b"LS", 2, 1, 1), "proto.version", "version 2"),
    "version 255": (HEADER.pack(b"LS", 255, 1, 1), "proto.version", "version 255"),
    "kind 0": (HEADER.pack(b"LS", 1, 0, 1), "proto.malformed", "unknown kind 0"),
    "kind 5": (HEADER.pack(b"LS", 1, 5, 1), "proto.malformed", "unknown kind 5"),
    "a reply": (encode(Kind.REPLY, {"verb": "x", "id": 2}), "proto.malformed", "kind REPLY"),
    "an event": (encode(Kind.EVENT, {"verb": "x", "id": 2}), "proto.malformed", "kind EVENT"),
    "an error": (encode(Kind.ERROR, {"verb": "x", "id": 2}), "proto.malformed", "kind ERROR"),
    "a byte too long": (HEADER.pack(b"LS", 1, 1, MAX_BODY + 1), "proto.too_large", "1048577"),
    "4 GiB long": (HEADER.pack(b"LS", 1, 1, 0xFFFFFFFF), "proto.too_large", "4294967295"),
    "empty": (framed(b""), "proto.malformed", "cannot be read"),
    "no msgpack": (framed(b"\xc1"), "proto.malformed", "no msgpack"),
    "half a map": (framed(b"\x82\xa1a"), "proto.malformed", "incomplete"),
    "trailing bytes": (framed(b"\x80\xc0"), "proto.malformed", "extra data"),
    "an array": (framed(b"\x90"), "proto.malformed", "not a map"),
    "a key of another type": (framed(b"\x81\x01\x01"), "proto.malformed", "map key"),
    "a key of bytes": (framed(b"\x81\xc4\x01a\x01"), "proto.malformed", "not text"),
    "a key twice": (framed(b"\x82\xa1a\x01\xa1a\x01"), "proto.malformed", "comes twice"),
    "an extension": (framed(b"\x81\xa1a\xd4\x05\x00"), "proto.malformed", "extension 5"),
    "a time": (framed(msgpack.packb({"a": msgpack.Timestamp(1)})), "proto.malformed", "Timestamp"),
    "too deep": (framed(b"\x81\xa1a" + b"\x91" * 8 + b"\xc0"), "proto.malformed", "deeper than 8"),
    "an abyss": (framed(b"\x81\xa1a" + b"\x91" * 10**6), "proto.malformed", "deeper than 8"),
    "too many": (request("health", a=[{}] * MAX_VALUES), "proto.malformed", "more than 16384"),
    "no id": (encode(Kind.REQUEST, {"verb": "health"}), "proto.malformed", "not a whole number"),
    "an id of text": (request("health", "2"), "proto.malformed", "not a whole number"),
    "an id of true": (request("health", True), "proto.malformed", "not a whole number"),
    "a broken id": (request("health", 2.5), "proto.malformed", "not a whole number"),
    "the id again": (request("health", 1), "proto.malformed", "id 1 of a request came after 1"),
    "versions too new": (
        request("hello", versions=[2, 3], client="a test"),
        "proto.version",
        "versions 2 to 3",
    ),
    "an earlier id": (request("health", -1), "proto.malformed", "id -1 of a request came after 1"),
}


@pytest.mark.parametrize("data, name, words", FATAL.values(), ids=FATAL)
def test_what_leaves_the_stream_in_doubt_ends_its_session_and_no_other(
    daemon: Daemon, client: Client, data: bytes, name: str, words: str
) -> None:
    with greeted(daemon) as (sock, connection):
        send(sock, data)
        message = connection.receive()
        assert message and message.kind is Kind.ERROR
        error = LipsyncError.from_map(message.body)
        assert error.name == name
        assert words in error.message
        assert error.hint
        assert connection.receive() is None
    assert client.ask("health")["verb"] == "reported"


# These are requests; they only ask for what there is not.
MISTAKES = {
    "no verb": (encode(Kind.REQUEST, {"id": 2}), "proto.unsupported"),
    "an unknown verb": (request("dance"), "proto.unsupported"),
    "a verb that is none": (request(["hello"]), "proto.unsupported"),
    "a verb in another case": (request("HEALTH"), "proto.unsupported"),
    "a name of ours": (request("__init__"), "proto.unsupported"),
    "no job": (request("status"), "request.invalid"),
    "a job of another type": (request("status", job=5), "request.invalid"),
    "a job of bytes": (request("fetch", job=b"0123456789ab"), "request.invalid"),
    "a job that is none": (request("cancel", job="no such job"), "job.unknown"),
    "a job that is no text": (request("wait", job="\udcff" * 12), "job.unknown"),
    "a job with a zero": (request("status", job="0123456789a\0"), "job.unknown"),
    "a job that is a path": (request("fetch", job="../../../etc"), "job.unknown"),
    "a job that is a pattern": (request("fetch", job="%%%%%%%%%%%%"), "job.unknown"),
    "a job before which": (request("list", before="no such job"), "job.unknown"),
    "before of another type": (request("list", before=None), "request.invalid"),
    "a limit of 0": (request("list", limit=0), "request.invalid"),
    "a limit of 201": (request("list", limit=201), "request.invalid"),
    "a limit of true": (request("list", limit=True), "request.invalid"),
    "a limit of text": (request("list", limit="all"), "request.invalid"),
    "progress of 1": (request("wait", job="0123456789ab", progress=1), "request.invalid"),
    "since of text": (request("follow", since="now"), "request.invalid"),
    "since of 2.0": (request("follow", since=2.0), "request.invalid"),
    "a future since": (request("follow", since=2**64 - 1), "events.gone"),
    "a past since": (request("follow", since=-(2**63)), "events.gone"),
    "a reason of another type": (request("drain", reason=7), "request.invalid"),
    "a reason of two lines": (request("drain", reason="a\nb"), "request.invalid"),
    "a reason too long": (request("drain", reason="x" * 201), "request.invalid"),
    "no descriptors": (request("submit", face="f", voice="v"), "request.invalid"),
}


@pytest.mark.parametrize("data, name", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_and_the_session_goes_on(daemon: Daemon, data: bytes, name: str) -> None:
    with greeted(daemon) as (sock, connection):
        send(sock, data)
        message = connection.receive()
        assert message and message.kind is Kind.ERROR
        assert (message.body["name"], message.body["id"]) == (name, 2)
        send(sock, request("health", 3))
        message = connection.receive()
        assert message and message.body["verb"] == "reported"


NAMES = {"face": "speaker.mp4", "voice": "hello.wav"}
SUBMISSIONS: dict[str, dict[str, object]] = {
    "no names": {},
    "no voice": {"face": "f"},
    "a name that is empty": {"face": "", "voice": "v"},
    "a name too long": {"face": "x" * 256, "voice": "v"},
    "names of another type": {"face": 1, "voice": b"v"},
    "an unknown blend": {**NAMES, "options": {"blend": "hard"}},
    "an unknown option": {**NAMES, "options": {"colour": "blue"}},
    "options of another type": {**NAMES, "options": "soft"},
    "no options": {**NAMES, "options": None},
    "a box inside out": {**NAMES, "options": {"box": [9, 9, 1, 1]}},
    "a box of three": {**NAMES, "options": {"box": [1, 2, 3]}},
    "a box of true": {**NAMES, "options": {"box": [True, True, 3, 4]}},
    "a crf of 52": {**NAMES, "options": {"crf": 52}},
    "an unknown priority": {**NAMES, "terms": {"priority": "urgent"}},
    "a priority of another type": {**NAMES, "terms": {"priority": 1}},
    "a priority that is an array": {**NAMES, "terms": {"priority": ["high"]}},
    "a key that is empty": {**NAMES, "terms": {"key": ""}},
    "a key too long": {**NAMES, "terms": {"key": "k" * 129}},
    "a key of another type": {**NAMES, "terms": {"key": 7}},
    "an end in the past": {**NAMES, "terms": {"expires": -1}},
    "an end at once": {**NAMES, "terms": {"expires": 0}},
    "an end that is no number": {**NAMES, "terms": {"expires": float("nan")}},
    "an end that never comes": {**NAMES, "terms": {"expires": float("inf")}},
    "an end of true": {**NAMES, "terms": {"expires": True}},
    "a runtime of text": {**NAMES, "terms": {"max_runtime": "1h"}},
    "an unknown term": {**NAMES, "terms": {"owner": 0}},
    "terms of another type": {**NAMES, "terms": [1]},
}


@pytest.mark.parametrize("fields", SUBMISSIONS.values(), ids=SUBMISSIONS)
def test_a_wrong_submission_leaves_nothing(client: Client, fields: dict[str, object]) -> None:
    file = os.memfd_create("input")
    try:
        with pytest.raises(InvalidRequest):
            client.ask("submit", (file, file), **fields)
        assert client.ask("list")["jobs"] == []
    finally:
        os.close(file)


@pytest.mark.parametrize(
    "verb, fields, words",
    [
        ("list", {"limit": "x"}, "limit is not a whole number."),
        ("list", {"limit": 0}, "limit is from 1 to 200. Ask for fewer jobs."),
        ("drain", {"reason": "x" * 201}, "reason is one line of up to 200 characters. Shorten it."),
        ("drain", {"reason": "x\ny"}, "reason is one line of up to 200 characters. Shorten it."),
        ("submit", {**NAMES, "face": ""}, "face is not a file's name. Send its last part."),
        ("submit", {**NAMES, "options": {"crf": 52}}, "crf is from 0 to 51. Correct the option."),
    ],
)
def test_a_field_out_of_its_bounds_is_told_what_they_are(
    client: Client, verb: str, fields: dict[str, object], words: str
) -> None:
    with Path("/dev/null").open("rb") as file, pytest.raises(InvalidRequest) as refused:
        client.ask(verb, (file.fileno(),) * 2 if verb == "submit" else (), **fields)
    assert words in f"{refused.value.message} {refused.value.hint}"
