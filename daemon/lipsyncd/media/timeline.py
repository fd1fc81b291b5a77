"""A timeline: as many frames as the voice lasts, from a source that may be shorter or longer."""

from collections.abc import Iterator
from itertools import islice, repeat

from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source


def timeline(source: Source, count: int, extend: str = "pingpong") -> Iterator[Frame]:
    """`count` frames: the source from its beginning, then back and forth ("pingpong") or over and
    over ("loop").  A longer source is cut."""
    return islice(endless(source, extend), count)


def endless(source: Source, extend: str) -> Iterator[Frame]:
    for frame in source.frames():
        yield frame
    length = frame.index + 1
    if length == 1:
        yield from repeat(frame)
    while True:
        if extend == "pingpong":
            yield from (back for back in source.frames_backward(length - 1) if back.index > 0)
        yield from source.frames()
