"""Messages survive the journey; whatever is not a message is a named protocol error."""

import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lipsyncd.errors import MalformedMessage, MessageTooLarge, ProtocolError, VersionMismatch
from lipsyncd.protocol.wire import (
    HEADER,
    MAX_BODY,
    MAX_DEPTH,
    MAX_VALUES,
    Kind,
    decode_body,
    decode_header,
    encode,
)

plain = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63) | some.text() | some.binary(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


def nested(depth: int) -> dict[str, object]:
    body: dict[str, object] = {}
    for _ in range(depth - 1):
        body = {"inner": body}
    return body


@given(some.sampled_from(Kind), some.dictionaries(some.text(), some.integers(-9, 9) | some.text()))
def test_a_message_survives_the_journey(kind: Kind, body: dict[str, object]) -> None:
    data = encode(kind, body)
    assert decode_header(data[: HEADER.size]) == (kind, len(data) - HEADER.size)
    assert decode_body(data[HEADER.size :]) == body


def test_the_header_is_eight_bytes_that_begin_with_ls() -> None:
    assert encode(Kind.REQUEST, {}) == b"LS\x01\x01\x00\x00\x00\x01\x80"


def test_a_file_name_that_is_not_text_survives() -> None:
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    data = encode(Kind.REQUEST, {"face": name})
    assert decode_body(data[HEADER.size :]) == {"face": name}


@pytest.mark.parametrize(
    "data, error",
    [
        (b"", MalformedMessage),
        (b"LS\x01\x01\x00", MalformedMessage),
        (b"GET / HT", MalformedMessage),
        (HEADER.pack(b"LS", 0, 1, 1), VersionMismatch),
        (HEADER.pack(b"LS", 2, 1, 1), VersionMismatch),
        (HEADER.pack(b"LS", 1, 0, 1), MalformedMessage),
        (HEADER.pack(b"LS", 1, 5, 1), MalformedMessage),
        (HEADER.pack(b"LS", 1, 1, MAX_BODY + 1), MessageTooLarge),
        (HEADER.pack(b"LS", 1, 1, 0xFFFFFFFF), MessageTooLarge),
    ],
)
def test_a_bad_header_is_refused(data: bytes, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        decode_header(data)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "cannot be read"),
        (msgpack.packb([]), "not a map"),
        (msgpack.packb("text"), "not a map"),
        (msgpack.packb(1), "not a map"),
        (msgpack.packb({1: "a number as key"}), "not allowed for map key"),
        (msgpack.packb({b"bytes as key": 1}), "a key is not text"),
        (msgpack.packb({"deep": {1: 2}}), "not allowed for map key"),
        (b"\x81\x91\x01\x01", "not allowed for map key"),
        (msgpack.packb({"a": msgpack.ExtType(5, b"x")}), "extension 5"),
        (msgpack.packb({"a": msgpack.Timestamp(1)}), "Timestamp"),
        (msgpack.packb({"a": 1}) + b"\xc0", "extra data"),
        (msgpack.packb({"a": 1}) * 2, "extra data"),
        (msgpack.packb({"a": 1})[:-1], "incomplete"),
        (b"\x82\xa1a\x01\xa1a\x02", "comes twice"),
        (b"\x81\xa1a\x82\xa1b\x01\xa1b\x01", "comes twice"),
        (b"\xdf\xff\xff\xff\xff", "exceeds"),
        (b"\x81\xa1a\xdd\xff\xff\xff\xff", "exceeds"),
        (b"\x81\xa1a\xdb\xff\xff\xff\xff", "cannot be read"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff", "cannot be read"),
        (b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0", "deeper than 8"),
        (msgpack.packb(nested(MAX_DEPTH + 1)), "deeper than 8"),
        (b"\xc1", "cannot be read"),
        (msgpack.packb({"a": [{}] * MAX_VALUES}), f"more than {MAX_VALUES} values"),
        (msgpack.packb({"a": [[0] * 1000] * 17}), f"more than {MAX_VALUES} values"),
    ],
)
def test_a_bad_body_is_refused_and_told_why(data: bytes, words: str) -> None:
    with pytest.raises(MalformedMessage, match=words):
        decode_body(data)


def test_the_fullest_allowed_body_is_read() -> None:
    body = {"a": [None] * (MAX_VALUES - 3)}  # the body and the array count as well
    assert decode_body(msgpack.packb(body)) == body


def test_the_size_in_memory_is_bounded_however_the_bytes_are_spent() -> None:
    array = b"\xdc\x3f\xff" + b"\x80" * 0x3FFF  # of empty maps, which are 64 bytes each
    data = b"\x81\xa1a\xdc\x00\x3f" + array * 63
    assert MAX_BODY - len(array) < len(data) <= MAX_BODY
    tracemalloc.start()
    try:
        with pytest.raises(MalformedMessage):
            decode_body(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * MAX_BODY


def test_the_deepest_allowed_body_is_read() -> None:
    assert decode_body(msgpack.packb(nested(MAX_DEPTH))) == nested(MAX_DEPTH)


def test_a_message_over_the_limit_is_not_sent() -> None:
    with pytest.raises(MessageTooLarge):
        encode(Kind.REPLY, {"jobs": "x" * MAX_BODY})


@given(some.binary(max_size=200))
def test_noise_is_a_message_or_a_protocol_error(data: bytes) -> None:
    for decode in (decode_header, decode_body):
        try:
            decode(data)
        except ProtocolError as error:
            assert error.message
            assert error.hint


@given(plain)
def test_any_packed_value_is_a_map_or_a_protocol_error(value: object) -> None:
    try:
        body = decode_body(msgpack.packb(value))
    except MalformedMessage:
        return
    assert body == value
