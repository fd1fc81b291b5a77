"""Messages as bytes and as maps. It knows no socket.

What they say is in PROTOCOL.md, which is the protocol, whole: in the checkout `daemon/PROTOCOL.md`,
beside the README where lipsyncd is installed. A test holds its tables against the code.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum

import msgpack

from lipsyncd.errors import MalformedMessage, MessageTooLarge, VersionMismatch

VERSIONS = (1, 1)  # oldest and newest version spoken here
MAX_BODY = 1 << 20  # bytes; media travels as descriptors, so every message is small
MAX_DEPTH = 8  # maps and arrays inside each other, the body included
MAX_VALUES = (
    16_384  # of one body, all maps and arrays together; in memory each costs up to 72 bytes
)
MAX_DESCRIPTORS = 8  # of one message

HEADER = struct.Struct(">2sBBI")
MAGIC = b"LS"

# for whoever wrote the client, and for whoever installed it
HINT = "Use a client for the daemon's version: one that follows its PROTOCOL.md, or its lipsyncctl."
TOO_DEEP = f"A message is nested deeper than {MAX_DEPTH}."

PLAIN = frozenset({str, bytes, bool, int, float, type(None)})


class Kind(IntEnum):
    """What a message is."""

    REQUEST = 1
    REPLY = 2
    EVENT = 3
    ERROR = 4


KINDS = frozenset(int(kind) for kind in Kind)


def encode(kind: Kind, body: Mapping[str, object]) -> bytes:
    """One message as bytes; MessageTooLarge if its body is over MAX_BODY."""
    packed: bytes = msgpack.packb(body, unicode_errors="surrogateescape")
    _check_length(len(packed))
    return HEADER.pack(MAGIC, VERSIONS[1], kind, len(packed)) + packed


def decode_header(data: bytes) -> tuple[Kind, int]:
    """The kind of a message and the bytes of its body, from the HEADER.size bytes before it.

    They are checked so far that the body may be allocated.  Raises MalformedMessage,
    VersionMismatch or MessageTooLarge.
    """
    if len(data) != HEADER.size:
        raise _malformed(f"A header of {len(data)} bytes came in.")
    magic, version, kind, length = HEADER.unpack(data)
    if magic != MAGIC:
        raise _malformed("What came in is not a message of this protocol.")
    if not VERSIONS[0] <= version <= VERSIONS[1]:
        raise VersionMismatch(f"A message of version {version} came in.", HINT)
    if kind not in KINDS:
        raise _malformed(f"A message of the unknown kind {kind} came in.")
    _check_length(length)
    return Kind(kind), length


def decode_body(data: bytes) -> dict[str, object]:
    """The map in `data`, with text keys all the way down; anything else is MalformedMessage."""
    _check_length(len(data))
    values = _Values()
    try:
        body = msgpack.unpackb(
            data,
            raw=False,
            unicode_errors="surrogateescape",
            strict_map_key=True,
            max_array_len=MAX_VALUES,
            max_map_len=MAX_VALUES,
            object_pairs_hook=values.map_of,
            list_hook=values.list_of,
            ext_hook=_refuse_extension,
        )
    except msgpack.StackError:
        raise _malformed(TOO_DEEP) from None
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        reason = str(error).rstrip(".") or "it is no msgpack"
        raise _malformed(f"The body of a message cannot be read: {reason}.") from None
    if not isinstance(body, dict):
        raise _malformed("The body of a message is not a map.")
    _check_values(body, MAX_DEPTH)
    return body


def _check_length(length: int) -> None:
    if length > MAX_BODY:
        raise MessageTooLarge(
            f"A message of {length} bytes is over the limit of {MAX_BODY}.",
            "Files travel as descriptors, and long lists in parts.",
        )


class _Values:
    """Counts the values of a body as they are read: an empty map is one byte, but 64 in memory."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def map_of(self, pairs: list[tuple[object, object]]) -> dict[object, object]:
        """A map, unless a key is not text or comes twice."""
        self._count(len(pairs))
        found = dict(pairs)
        if not {*map(type, found)} <= {str}:
            raise ValueError("a key is not text")
        if len(found) != len(pairs):
            raise ValueError("a key comes twice")
        return found

    def list_of(self, items: list[object]) -> list[object]:
        """An array."""
        self._count(len(items))
        return items

    def _count(self, items: int) -> None:
        self._left -= 1 + items
        if self._left < 0:
            raise ValueError(f"it holds more than {MAX_VALUES} values")


def _refuse_extension(code: int, data: bytes) -> object:
    raise ValueError(f"extension {code} is not part of the protocol")


def _check_values(value: object, depth: int) -> None:
    """Only plain values, no deeper than `depth`; msgpack hides its timestamps from ext_hook."""
    if isinstance(value, dict | list):
        if depth == 0:
            raise _malformed(TOO_DEEP)
        for item in value.values() if isinstance(value, dict) else value:
            if type(item) not in PLAIN:  # most are, and long lists have many
                _check_values(item, depth - 1)
    elif type(value) not in PLAIN:
        raise _malformed(f"A message carries a {type(value).__name__}.")


def _malformed(message: str) -> MalformedMessage:
    return MalformedMessage(message, HINT)
