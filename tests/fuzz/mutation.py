"""Frames for fuzzing: good ones as seeds, and how a good one is spoiled."""

from collections.abc import Sequence
from copy import deepcopy
from random import Random

import msgpack

from lipsyncd.protocol.wire import HEADER, MAGIC, VERSIONS, Kind, encode

JOB = "0123456789ab"
TELLING = bytes.fromhex(
    "00017f808184909194a0a1bfc0c1c2c3c4c5c6c7c9cacbcccfd0d3d4d8d9dadbdcdddedfe0ff"
)
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 127, 128, 255, 256, 2**31, 2**63, 2**64 - 1, -(2**63)),
    *(0.0, -0.0, 1e308, float("inf"), float("nan"), "", "x", "x" * 256, b"", b"\xff" * 33),
    *("\0", "%s%n", "{job}", "\n<0>", "\x1b[2J", "\udcff", "../../etc/shadow", "hello", "submit"),
    *([], [[]], [1, 1], [1, "1"], {}, {"a": {"b": {}}}, "high", "0123456789ab", "k" * 128),
)
MOST_CHANGES = 4
HAS_OTHER_VALUES = 0.3  # of the spoiled frames, whose form is then right
KEEPS_HEADER = 0.1  # of the others, where it has become a lie

REQUESTS: dict[str, dict[str, object]] = {
    "hello": {"versions": [1, 1], "client": "a fuzzer"},
    "submit": {
        "face": "speaker.mp4",
        "voice": "hello.wav",
        "options": {"blend": "soft", "box": [1, 2, 30, 40], "crf": 20},
        "terms": {"priority": "low", "key": "k", "expires": 60.5, "max_runtime": 5},
    },
    "retry": {"job": JOB},
    "list": {"limit": 20, "before": JOB},
    "status": {"job": JOB},
    "wait": {"job": JOB, "progress": True},
    "follow": {"since": 0, "job": JOB},
    "fetch": {"job": JOB},
    "cancel": {"job": JOB},
    "clean": {"job": JOB},
    "drain": {"reason": "the disk is changed"},
    "resume": {},
    "health": {},
    "info": {},
}


def seeds(job: str = JOB) -> list[bytes]:
    """A good request of every verb, in the order of a conversation."""
    return [
        encode(Kind.REQUEST, {"verb": verb, "id": number, **fields} | named(fields, job))
        for number, (verb, fields) in enumerate(REQUESTS.items())
    ]


def named(fields: dict[str, object], job: str) -> dict[str, object]:
    """Those of the fields that name a job, with the name of this one."""
    return {name: job for name, value in fields.items() if value == JOB}


def spoiled(frame: bytes, corpus: Sequence[bytes], random: Random) -> bytes:
    """The frame with other values, or with other bytes, in a few places."""
    if random.random() < HAS_OTHER_VALUES:
        return with_other_values(frame, random)
    return with_other_bytes(frame, corpus, random)


def with_other_values(frame: bytes, random: Random, keeps: Sequence[str] = ()) -> bytes:
    """The frame, if it is one, with a right form and wrong content, but for what it keeps."""
    if not (body := body_of(frame)):
        return frame
    kept = {name: body[name] for name in keeps}
    for _ in range(random.randint(1, MOST_CHANGES)):
        exchange(body, random)
    packed = pack(body | kept)
    return HEADER.pack(MAGIC, VERSIONS[1], Kind.REQUEST, len(packed)) + packed


def with_other_bytes(frame: bytes, corpus: Sequence[bytes], random: Random) -> bytes:
    """The frame with bytes changed, gone, or from elsewhere; mostly under a header that fits."""
    data = bytearray(frame)
    for _ in range(random.randint(1, MOST_CHANGES)):
        change(data, corpus, random)
    if random.random() > KEEPS_HEADER:
        length = max(len(data) - HEADER.size, 0)
        data[: HEADER.size] = HEADER.pack(MAGIC, VERSIONS[1], Kind.REQUEST, length)
    return bytes(data)


def body_of(frame: bytes) -> dict[str, object] | None:
    """The map in a frame, if there is one."""
    try:
        body = msgpack.unpackb(frame[HEADER.size :], unicode_errors="surrogateescape")
    except (ValueError, msgpack.UnpackException):
        return None
    return body if isinstance(body, dict) else None


def pack(body: dict[str, object]) -> bytes:
    packed: bytes = msgpack.packb(body, unicode_errors="surrogateescape")
    return packed


def exchange(body: dict[str, object], random: Random) -> None:
    """Another value under one of the names, mostly; or a name less, or a value one level below."""
    name = random.choice([*body, "job"])
    inner, chance = body.get(name), random.random()
    if isinstance(inner, dict) and chance < 0.7:
        exchange(inner, random)
    elif chance < 0.1:
        body.pop(name, None)
    else:
        body[name] = deepcopy(random.choice(VALUES))


def change(data: bytearray, corpus: Sequence[bytes], random: Random) -> None:
    """One change, somewhere."""
    at = int(random.random() * (len(data) + 1))
    match int(random.random() * 7):
        case 0:
            data[at : at + 1] = bytes([TELLING[int(random.random() * len(TELLING))]])
        case 1 if at < len(data):
            data[at] ^= 1 << int(random.random() * 8)
        case 2:
            data[at:at] = random.randbytes(int(random.random() * 9))
        case 3:
            del data[at : at + int(random.random() * 9)]
        case 4:
            data[at:at] = data[at : at + 16]
        case 5:
            other = corpus[int(random.random() * len(corpus))]
            start = int(random.random() * len(other))
            data[at:] = other[start : start + 200]
        case _:
            del data[at:]
