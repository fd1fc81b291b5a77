"""The protocol, whole: messages as bytes and as maps. It knows no socket.

A message is an 8-byte header (b"LS", version, kind, length of the body) and one msgpack map.
A request carries `verb` and `id`; its reply, its events and its error carry the same `id`.
Verbs of requests are imperatives, those of replies participles:

    hello   versions=[lo, hi], client     -> welcomed   version, server, state
    submit  face, voice, options          -> accepted   job
            with 2 descriptors, face then voice, open for reading; the names are for display only
    list    limit                         -> listed     jobs, the newest last
    status  job                           -> described  job
    wait    job, progress                 -> finished   job, after any number of events
                                             progressed job, if progress is true
    fetch   job                           -> fetched    job, size, with 1 read-only descriptor
    cancel  job                           -> cancelled  job, once it has ended
    health                                -> reported   state, ready, device, detail,
                                                        queued, running
    info                                  -> informed   version, pid, device, checkpoint, ...
    reload                                -> reloaded   detail, once the configuration is in force;
                                                        for root and the daemon's own user

`hello` comes first. A session answers one request after the other: to cancel a job while
waiting for it, open a second session. `job` is an id in requests and a map in replies (job.py).
An error carries code, name, message, hint and retryable (errors.py); after one that leaves the
stream in doubt (proto.malformed, proto.too_large, proto.version) the session is over.
Keys a receiver does not know are ignored.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import msgpack

from lipsyncd.errors import MalformedMessage, MessageTooLarge, VersionMismatch

DEFAULT_SOCKET = Path("/run/lipsyncd/control.sock")
VERSIONS = (1, 1)  # oldest and newest version spoken here
MAX_BODY = 1 << 20  # bytes; media travels as descriptors, so every message is small
MAX_DEPTH = 8  # maps and arrays inside each other, the body included
MAX_DESCRIPTORS = 4  # of one message

HEADER = struct.Struct(">2sBBI")
MAGIC = b"LS"

HINT = "Use a lipsyncctl of the daemon's version."


PLAIN = str | bytes | bool | int | float | None


class Kind(IntEnum):
    """What a message is."""

    REQUEST = 1
    REPLY = 2
    EVENT = 3
    ERROR = 4


KINDS = frozenset(int(kind) for kind in Kind)


@dataclass(frozen=True)
class Header:
    """The kind of a message and the length of its body in bytes."""

    kind: Kind
    length: int


def encode(kind: Kind, body: Mapping[str, object]) -> bytes:
    """One message as bytes; MessageTooLarge if its body is over MAX_BODY."""
    packed: bytes = msgpack.packb(body, unicode_errors="surrogateescape")
    _check_length(len(packed))
    return HEADER.pack(MAGIC, VERSIONS[1], kind, len(packed)) + packed


def decode_header(data: bytes) -> Header:
    """The header in HEADER.size bytes, checked so far that its body may be allocated.

    Raises MalformedMessage, VersionMismatch or MessageTooLarge.
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
    return Header(Kind(kind), length)


def decode_body(data: bytes) -> dict[str, object]:
    """The map in `data`, with text keys all the way down; anything else is MalformedMessage."""
    _check_length(len(data))
    try:
        body = msgpack.unpackb(
            data,
            raw=False,
            unicode_errors="surrogateescape",
            strict_map_key=True,
            object_pairs_hook=_map_of,
            ext_hook=_refuse_extension,
        )
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise _malformed(f"The body of a message cannot be read: {error}.") from None
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


def _map_of(pairs: list[tuple[object, object]]) -> dict[object, object]:
    """A map, unless a key is not text or comes twice."""
    if not all(isinstance(key, str) for key, _ in pairs):
        raise ValueError("a key is not text")
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _refuse_extension(code: int, data: bytes) -> object:
    raise ValueError(f"extension {code} is not part of the protocol")


def _check_values(value: object, depth: int) -> None:
    """Only plain values, no deeper than `depth`; msgpack hides its timestamps from ext_hook."""
    if isinstance(value, dict | list):
        if depth == 0:
            raise _malformed(f"A message is nested deeper than {MAX_DEPTH}.")
        for item in value.values() if isinstance(value, dict) else value:
            _check_values(item, depth - 1)
    elif not isinstance(value, PLAIN):
        raise _malformed(f"A message carries a {type(value).__name__}.")


def _malformed(message: str) -> MalformedMessage:
    return MalformedMessage(message, HINT)
