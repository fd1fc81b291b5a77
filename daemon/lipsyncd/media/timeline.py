"""The timeline: which frame of a source each frame of a result shows, from any place in it."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, islice, repeat

from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source


def timeline(source: Source, length: int, extend: str, start: int = 0) -> Iterator[Frame]:
    """What the result shows from its frame `start` on, without end.

    The first `length` frames of the source, then back and forth ("pingpong"), over and over
    ("loop"), or the last one again and again.
    """
    if length == 1 or extend not in ("pingpong", "loop"):
        until_last = forward(source, range(start, length - 1))
        return chain(until_last, held(source, length - 1))
    return chain.from_iterable(legs(source, length, extend, start))


def index_at(number: int, length: int, extend: str) -> int:
    """The frame of the source that frame `number` of the result shows."""
    if length == 1 or extend not in ("pingpong", "loop"):
        return min(number, length - 1)
    if extend == "loop":
        return number % length
    there_and_back = 2 * length - 2
    place = number % there_and_back
    return min(place, there_and_back - place)


def legs(source: Source, length: int, extend: str, start: int) -> Iterator[Iterator[Frame]]:
    """One way after the other; neither end is shown twice."""
    place = index_at(start, length, extend)
    is_back = extend == "pingpong" and start % (2 * length - 2) >= length
    while True:
        if is_back:
            yield backward(source, place + 1)
        else:
            yield forward(source, range(place, length))
        is_back = extend == "pingpong" and not is_back
        place = length - 2 if is_back else 0


def forward(source: Source, indices: range) -> Generator[Frame, None, None]:
    if not indices:
        return
    with closing(source.frames(indices.start)) as frames:
        yield from islice(frames, len(indices))


def backward(source: Source, stop: int) -> Generator[Frame, None, None]:
    """From the frame before `stop` down to the second."""
    with closing(source.frames_backward(stop)) as frames:
        yield from (frame for frame in frames if frame.index > 0)


def held(source: Source, index: int) -> Generator[Frame, None, None]:
    """One frame again and again."""
    with closing(source.frames(index)) as frames:
        frame = next(frames)
    yield from repeat(frame)
