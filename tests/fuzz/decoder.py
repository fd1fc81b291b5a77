"""The decoder under fire: what it may do with a frame, and a search for frames that are news to it.

The search is guided by coverage: a spoiled frame that takes the decoder along a line it has never
come to from where it came is kept, and spoiled further. To see into msgpack as well, its decoder
in Python is searched; the one in C has to agree with it on every frame.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType

import msgpack
from fuzz.mutation import seeds, spoiled
from msgpack import fallback

from lipsyncd.errors import ProtocolError
from lipsyncd.protocol import wire
from lipsyncd.protocol.wire import HEADER, decode_body, decode_header, encode

SEARCHED = {wire.__file__, fallback.__file__}
IN_C = msgpack.unpackb

Step = tuple[str, int, int]  # a function, a line of it, and the line that came next


def outcome(frame: bytes) -> str:
    """What the frame is to the decoder: a kind of message, or the name of an error.

    Whatever else is raised is a crash; and a message has to survive another journey.
    """
    try:
        kind, length = decode_header(frame[: HEADER.size])
        body = decode_body(frame[HEADER.size : HEADER.size + length])
    except ProtocolError as error:
        assert error.message and error.hint
        return error.name
    again = encode(kind, body)
    assert encode(kind, decode_body(again[HEADER.size :])) == again
    return kind.name


class Search:
    """The frames that were news, and the steps of the decoder that are known by now."""

    def __init__(self, random: Random) -> None:
        self.corpus = seeds()
        self.steps: set[Step] = set()
        self.random = random
        for frame in self.corpus:
            self.steps |= steps_of(frame)

    def run(self, frames: int) -> None:
        """Try so many spoiled frames."""
        for _ in range(frames):
            frame = spoiled(self.random.choice(self.corpus), self.corpus, self.random)
            found = steps_of(frame)
            if not found <= self.steps:
                self.steps |= found
                self.corpus.append(frame)


def steps_of(frame: bytes) -> set[Step]:
    """The decoder's steps over the frame, which both decoders of msgpack have to judge alike."""
    expected, steps = outcome(frame), set[Step]()
    with in_python(), traced(steps):
        found = outcome(frame)
    assert found == expected, f"{frame!r} is {expected} in C and {found} in Python"
    return steps


@contextmanager
def in_python() -> Iterator[None]:
    """msgpack decodes in Python meanwhile."""
    msgpack.unpackb = fallback.unpackb
    try:
        yield
    finally:
        msgpack.unpackb = IN_C


@contextmanager
def traced(steps: set[Step]) -> Iterator[None]:
    """Collects the steps through the searched files meanwhile."""
    last: dict[FrameType, int] = {}

    def local(frame: FrameType, _event: str, _value: object) -> object:
        steps.add((frame.f_code.co_name, last.get(frame, 0), frame.f_lineno))
        last[frame] = frame.f_lineno
        return local

    def at_call(frame: FrameType, event: str, value: object) -> object:
        return local(frame, event, value) if frame.f_code.co_filename in SEARCHED else None

    before = sys.gettrace()
    sys.settrace(at_call)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.settrace(before)


def storm(corpus: list[bytes], frames: int, random: Random) -> dict[str, int]:
    """Spoil and decode so many frames at full speed; how often each outcome came."""
    outcomes: dict[str, int] = {}
    for _ in range(frames):
        found = outcome(spoiled(random.choice(corpus), corpus, random))
        outcomes[found] = outcomes.get(found, 0) + 1
    return outcomes
