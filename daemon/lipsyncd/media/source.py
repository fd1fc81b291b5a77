"""A source: the face video or still, read at a constant rate from any place in it.

Pictures are placed by their timestamps: slot j of the constant rate shows the last picture that is
due before the middle of the slot.  Little is held at a time: memory does not grow with length.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av

from lipsyncd.errors import NoVideoStream, UnreadableMedia
from lipsyncd.media.colour import Colour, colour_of
from lipsyncd.media.container import CHECK_IT_PLAYS, frames_of, open_container, refuse_truncated
from lipsyncd.media.frame import Frame
from lipsyncd.media.upright import upright

STILL_RATE = Fraction(25)  # of the result of a still: the rate that generators are trained at
STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")
)
BACKWARD_BYTES = 64 << 20  # pictures held while a stretch is turned round
SEEK_MARGIN = 2  # slots: a seek may land a little late


class Source:
    """An opened video or still.  `width` and `height` are upright and even; `rate` is constant."""

    def __init__(self, container: av.container.InputContainer, name: str) -> None:
        self._container = container
        self._name = name
        self._stream = next(iter(container.streams.video), None)
        if self._stream is None:
            raise NoVideoStream(
                f"{name} has no picture in it.", "Give a video or an image as the face."
            )
        self._stream.thread_type = "AUTO"
        first = next(frames_of(self._stream, name), None)
        if first is None:
            raise UnreadableMedia(f"No picture of {name} can be decoded.", CHECK_IT_PLAYS)
        self._start = first.pts or 0
        self.colour: Colour = colour_of(first)
        shown = upright(first, self.colour)
        self.width, self.height = shown.width, shown.height
        self.aspect = pixel_aspect(self._stream, turned=shown.width == first.height != first.width)
        self._still = first if is_still(container) else None
        self.rate = STILL_RATE if self._still else constant_rate(self._stream)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """The frames from slot `start` to the end.  Raises TruncatedMedia."""
        slot, end, shown = start, start, None
        for picture in self._pictures_before(start):
            due = self._slot(picture)
            if shown is not None and due > slot:
                yield from self._shown(shown, range(slot, due))
                slot = due
            end, shown = max(slot, due) + 1, picture
        yield from self._shown(shown, range(slot, end))
        refuse_truncated(self._stream, float(end / self.rate), self._name)

    def frames_backward(self, stop: int) -> Iterator[Frame]:
        """The frames from slot `stop - 1` down to the first."""
        stretch = max(1, BACKWARD_BYTES // (self.width * self.height * 3 // 2))
        while stop > 0:
            start = max(0, stop - stretch)
            held = []
            for frame in self.frames(start):
                held.append(frame)
                if frame.index == stop - 1:
                    break
            yield from reversed(held)
            stop = start

    def _shown(self, picture: av.VideoFrame, slots: range) -> Iterator[Frame]:
        turned = upright(picture, self.colour)
        return (Frame(slot, turned) for slot in slots)

    def _pictures_before(self, slot: int) -> Iterator[av.VideoFrame]:
        """Decoded pictures in order, the first of them due at `slot` or before."""
        if self._still:
            yield self._still
            return
        margin = slot - SEEK_MARGIN
        if margin > 0:
            self._seek(self._start + int(margin / self.rate / self._stream.time_base))
            pictures = frames_of(self._stream, self._name)
            first = next(pictures, None)
            if first is not None and self._slot(first) <= slot:
                yield first
                yield from pictures
                return
        self._seek(self._start)
        yield from frames_of(self._stream, self._name)

    def _seek(self, pts: int) -> None:
        self._container.seek(pts, stream=self._stream)

    def _slot(self, picture: av.VideoFrame) -> int:
        """The first slot whose middle is not before the picture's time."""
        seconds = ((picture.pts or 0) - self._start) * self._stream.time_base
        return math.ceil(seconds * self.rate - Fraction(1, 2))


@contextmanager
def open_source(path: Path, name: str) -> Iterator[Source]:
    """Open a spooled face.  Raises InputGone, UnreadableMedia, NoVideoStream."""
    with open_container(path, name) as container:
        yield Source(container, name)


def is_still(container: av.container.InputContainer) -> bool:
    """Whether the file is an image rather than a video, by its content (not by its name)."""
    return container.format.name == "image2" or container.format.name.endswith("_pipe")


def constant_rate(stream: av.video.stream.VideoStream) -> Fraction:
    """Frames a second: the stream's own, or the next standard rate above a variable one's mean."""
    mean, nominal = stream.average_rate, stream.guessed_rate
    if not mean:
        return nominal or STILL_RATE
    if nominal and mean * Fraction(98, 100) <= nominal <= mean * Fraction(5, 4):
        return nominal
    return next((rate for rate in STANDARD_RATES if rate >= mean * Fraction(99, 100)), mean)


def pixel_aspect(stream: av.video.stream.VideoStream, turned: bool) -> Fraction:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return 1 / aspect if turned else aspect
