"""The protocol, whole: messages as bytes and as maps. It knows no socket.

A message is an 8-byte header (b"LS", version, kind, length of the body) and one msgpack map.
A request carries `verb` and `id`; its reply, its events and its error carry the same `id`.
Verbs of requests are imperatives, those of replies participles:

    hello   versions=[lo, hi], client     -> welcomed   version, server, state
    submit  face, voice, options, terms   -> accepted   job
            with 2 descriptors, face then voice, open for reading; the names are for display only
    retry   job                           -> accepted   job, a new one from the same inputs
    list    limit, before                 -> listed     jobs, the newest last; `before` is the id
                                                        of the oldest job on the page after
    status  job                           -> described  job, seq
    wait    job, progress                 -> finished   job, after any number of events
                                             progressed job, if progress is true
    follow  since, job                    -> no reply but events without end
                                             happened   seq, at, job; and once all there is
                                             idle       seq    is told, and every ten seconds
    fetch   job                           -> fetched    job, size, with 1 read-only descriptor
    cancel  job                           -> cancelled  job, once it has ended
    clean   job                           -> cleaned    jobs, bytes: how much went
    drain   reason                        -> drained    running, queued; for admins, like
    resume                                -> resumed    queued
    health                                -> reported   state, ready, device, detail, paused,
                                                        queued, running
    info                                  -> informed   version, pid, device, checkpoint, ...
    reload                                -> reloaded   detail, once the configuration is in force;
                                                        for root and the daemon's own user

`terms` has priority (high, normal, low), key, expires and max_runtime (seconds; the operator's
limit holds where that is less); all may be absent.
A key makes submit safe to repeat: the same user's same key gives the same job. `follow` tells each
change of a job's state once, in order, from the one after `since` (absent: from now on) for ever,
or says events.gone if not all of them are known any more; without `job` of all that the client may
see. `clean` without `job` means all of the client's own.
A job that waits has in `listed`, `described` and `progressed` a `position`, from 1, and an `eta`,
the seconds until it starts, null while nobody can tell; while none starts, `paused` says why.

`hello` comes first, within ten seconds. A session answers one request after the other: to cancel a
job while waiting for it, open a second session. `id` is a whole number, greater than that of the
request before. `job` is an id in requests and a map in replies (job.py). Of `progressed` and `idle`
a client that does not read gets the newest only; it loses nothing of `happened`. With nothing asked
for a minute the session is over.
A job is there for its owner and for admins, for nobody else. Admins are root, the daemon's own
user, and the members of a group that the operator chooses; only they submit with high priority.
A uid that users can give themselves (subordinate.py) is refused before hello, with auth.denied.
An error carries code, name, message, hint, retryable and, where it is known, retry_after_ms
(errors); after one that leaves the stream in doubt (proto.malformed, proto.too_large,
proto.version) the session is over. Keys a receiver does not know are ignored.
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
MAX_VALUES = (
    16_384  # of one body, all maps and arrays together; in memory each costs up to 72 bytes
)
MAX_DESCRIPTORS = 4  # of one message

HEADER = struct.Struct(">2sBBI")
MAGIC = b"LS"

HINT = "Use a lipsyncctl of the daemon's version."
TOO_DEEP = f"A message is nested deeper than {MAX_DEPTH}."

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
        if not all(isinstance(key, str) for key, _ in pairs):
            raise ValueError("a key is not text")
        if len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

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
            _check_values(item, depth - 1)
    elif not isinstance(value, PLAIN):
        raise _malformed(f"A message carries a {type(value).__name__}.")


def _malformed(message: str) -> MalformedMessage:
    return MalformedMessage(message, HINT)
