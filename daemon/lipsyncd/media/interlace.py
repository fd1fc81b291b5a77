"""Interlacing: pictures of two fields, half of whose lines were taken later, become whole ones."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import cast

import av

# One picture for two fields: as many as the file states, at the rate that generators are trained
# at.  Progressive pictures among them pass as they are.
BWDIF = {"mode": "send_frame", "parity": "auto", "deint": "interlaced"}
EMPTY = (av.error.BlockingIOError, av.error.EOFError)  # nothing more comes out for now, or for ever


def deinterlaced(pictures: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same pictures at the same times, each once the next one is there.

    A picture is made with its neighbours' help: the first of a stretch from the middle of a file is
    another than that of the whole.
    """
    deinterlacer: Deinterlacer | None = None
    for picture in pictures:
        if deinterlacer is None or not deinterlacer.takes(picture):
            yield from deinterlacer.rest() if deinterlacer else ()
            deinterlacer = Deinterlacer(picture)
        yield from deinterlacer.pushed(picture)
    yield from deinterlacer.rest() if deinterlacer else ()


class Deinterlacer:
    """libavfilter's bwdif, for pictures of one size and format."""

    def __init__(self, like: av.VideoFrame) -> None:
        self._form = form_of(like)
        self._waiting: deque[av.VideoFrame] = deque()
        self._graph = av.filter.Graph()
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=like.time_base
        )
        bwdif = self._graph.add("bwdif", **BWDIF)
        source.link_to(bwdif)
        bwdif.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def takes(self, picture: av.VideoFrame) -> bool:
        """Whether it is like the others; bwdif would read beyond a smaller one."""
        return form_of(picture) == self._form

    def pushed(self, picture: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """One more picture, and what is complete now."""
        self._waiting.append(picture)
        self._graph.push(picture)
        return self._complete()

    def rest(self) -> Iterator[av.VideoFrame]:
        """What is complete at the end."""
        self._graph.push(None)
        return self._complete()

    def _complete(self) -> Iterator[av.VideoFrame]:
        while self._waiting:
            try:
                whole = self._graph.pull()
            except EMPTY:
                return
            yield timed_as(self._waiting.popleft(), cast(av.VideoFrame, whole))


def form_of(picture: av.VideoFrame) -> tuple[int, int, str]:
    return picture.width, picture.height, picture.format.name


def timed_as(picture: av.VideoFrame, whole: av.VideoFrame) -> av.VideoFrame:
    """The whole picture at the time of the one that it was made of: a filter counts otherwise."""
    whole.pts, whole.dts, whole.time_base = picture.pts, picture.dts, picture.time_base
    whole.duration = picture.duration
    return whole
