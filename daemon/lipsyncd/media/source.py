"""A source: the face video or still, read at a constant rate from any place in it.

Pictures are placed by their timestamps: slot j of the constant rate shows the last picture that is
due before the middle of the slot.  Little is held at a time: memory does not grow with length.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, dropwhile, islice
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
BACKWARD_BYTES = 24 << 20  # pictures held while a stretch is turned round
SEEK_MARGINS = (1, 4, 16)  # seconds before the wanted place: a seek may land late


@dataclass(frozen=True)
class Source:
    """A video or still that was looked into; every reading opens it anew.

    `width` and `height` are upright and even; `rate` is constant; `aspect` is that of a pixel;
    `start` is the first picture's timestamp in the stream's time base.
    """

    path: Path
    name: str
    width: int
    height: int
    rate: Fraction
    colour: Colour
    aspect: Fraction
    start: int

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """The frames from slot `start` to the end.  Raises InputGone, TruncatedMedia."""
        slot, end, shown = start, start, None
        for due, picture in self._due_from(start):
            if shown is not None and due > slot:
                yield from self._shown(shown, range(slot, due))
                slot = due
            end, shown = max(slot, due) + 1, picture
        if shown is not None:
            yield from self._shown(shown, range(slot, end))

    def frames_backward(self, stop: int) -> Iterator[Frame]:
        """The frames from slot `stop - 1` down to the first."""
        stretch = max(1, BACKWARD_BYTES // (self.width * self.height * 3 // 2))
        while stop > 0:
            start = max(0, stop - stretch)
            with closing(self.frames(start)) as frames:
                held = list(islice(frames, stop - start))
            while held:
                yield held.pop()
            stop = start

    def _shown(self, picture: av.VideoFrame, slots: range) -> Iterator[Frame]:
        turned = upright(picture, self.colour)
        return (Frame(slot, turned) for slot in slots)

    def _due_from(self, slot: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Pictures in order, each with the first slot it is due in; the first is due by `slot`."""
        for margin in SEEK_MARGINS:
            seconds = slot / self.rate - margin
            pictures = self._due_after(seconds) if seconds > 0 else iter(())
            first = next(pictures, None)
            if first is not None and first[0] <= slot:
                return chain([first], pictures)
        return self._due_from_start()

    def _due_after(self, seconds: Fraction) -> Iterator[tuple[int, av.VideoFrame]]:
        """From the keyframe before some time, as far as the container's seeking can be trusted."""
        with open_container(self.path, self.name) as container:
            stream = video_stream(container, self.name)
            try:
                container.seek(self.start + int(seconds / stream.time_base), stream=stream)
            except av.FFmpegError:
                return
            pictures = frames_of(stream, self.name)
            yield from self._due(dropwhile(lambda picture: not picture.key_frame, pictures), stream)

    def _due_from_start(self) -> Iterator[tuple[int, av.VideoFrame]]:
        due = -1
        with open_container(self.path, self.name) as container:
            stream = video_stream(container, self.name)
            for due, picture in self._due(frames_of(stream, self.name), stream):
                yield due, picture
            refuse_truncated(stream, float((due + 1) / self.rate), self.name)

    def _due(
        self, pictures: Iterable[av.VideoFrame], stream: av.VideoStream
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Each picture with the first slot whose middle is not before the picture's time."""
        due = -1
        for picture in pictures:
            known = timestamp(picture, stream)
            seconds = None if known is None else (known - self.start) * stream.time_base
            due = due + 1 if seconds is None else math.ceil(seconds * self.rate - Fraction(1, 2))
            yield due, picture


def examine_source(path: Path, name: str) -> Source:
    """Decode the first picture of a spooled face.

    Raises InputGone, UnreadableMedia, NoVideoStream, TruncatedMedia.
    """
    with open_container(path, name) as container:
        stream = video_stream(container, name)
        first = next(frames_of(stream, name), None)
        if first is None:
            raise UnreadableMedia(f"No picture of {name} can be decoded.", CHECK_IT_PLAYS)
        colour = colour_of(first)
        shown = upright(first, colour)
        return Source(
            path=path,
            name=name,
            width=shown.width,
            height=shown.height,
            rate=STILL_RATE if is_still(container) else constant_rate(stream),
            colour=colour,
            aspect=pixel_aspect(stream, turned=first.rotation % 180 != 0),
            start=timestamp(first, stream) or 0,
        )


def video_stream(container: av.container.InputContainer, name: str) -> av.VideoStream:
    """The first video stream.  Raises NoVideoStream."""
    stream = next(iter(container.streams.video), None)
    if stream is None:
        raise NoVideoStream(
            f"{name} has no picture in it.", "Give a video or an image as the face."
        )
    stream.thread_type = "AUTO"
    return stream


def timestamp(picture: av.VideoFrame, stream: av.VideoStream) -> int | None:
    """When a picture is due, if known.  AVI knows no such times, but the order of decoding."""
    return picture.dts if stream.container.format.name == "avi" else picture.pts


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
