"""A source: the face video or still, read at a constant rate from any place in it.

Pictures are placed by their timestamps: slot j of the constant rate shows the last picture that is
due before the middle of the slot.  Little is held at a time: memory does not grow with length.
"""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, dropwhile, islice

import av

from lipsyncd.errors import NoFace, UnreadableMedia
from lipsyncd.media.advice import CONVERT_FACE, OPEN_ELSEWHERE
from lipsyncd.media.budget import TimeBudget
from lipsyncd.media.colour import Colour
from lipsyncd.media.container import DAMAGE, Media, open_container
from lipsyncd.media.frame import Frame
from lipsyncd.media.header import refuse_truncated
from lipsyncd.media.joined import note_of
from lipsyncd.media.keyframes import Keyframe, keyframes_of, seek
from lipsyncd.media.limits import SMALLEST_SIDE
from lipsyncd.media.look import USUAL, Finisher, Look, Wanted, look_of, pixel_aspect
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.rate import STILL_RATE, constant_rate, fluent, notes_of
from lipsyncd.media.spooled import Readable
from lipsyncd.media.tracks import first_fit

BACKWARD_BYTES = 64 << 20  # pictures held while a stretch is turned round
HELD = Fraction(600)  # seconds for which a last picture may be shown
SEEK_MARGINS = (1, 4, 16)  # seconds before the wanted place: a seek may land late


@dataclass(frozen=True)
class Source:
    """A video or still that was looked into; every reading opens it anew.

    `rate` is constant, in frames a second, and `pace` that at which pictures come where they do not
    say when; `aspect` is that of a pixel; `start` is the first picture's timestamp in the stream's
    time base; `track` is its place among the file's videos, `keyframes` are where to jump to if its
    timestamps do not tell; `notes` are sentences on what was decided for the user.
    """

    path: Readable
    name: str
    rate: Fraction
    pace: Fraction
    look: Look
    aspect: Fraction
    start: int
    track: int = 0
    keyframes: tuple[Keyframe, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Of its frames: upright, and even."""
        return self.look.size[0]

    @property
    def height(self) -> int:
        """Of its frames: upright, and even."""
        return self.look.size[1]

    @property
    def colour(self) -> Colour:
        """Of its frames, in which faces are looked for."""
        return self.look.shown

    @property
    def final(self) -> Colour:
        """Of its frames as the result has them."""
        return self.look.final

    @property
    def frame_bytes(self) -> int:
        """How many a frame takes in memory."""
        return self.width * self.height * 3 // 2 * (1 if self.final.bits == 8 else 3)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        """The frames from slot `start` to the end.

        Raises InputGone, TruncatedMedia, DecodingTooSlow.
        """
        slot, end, shown, budget = start, start, None, TimeBudget(self.name)
        finisher = Finisher(self.look)
        is_one = start == 0  # picture, which is a still however long it is to be seen
        for due, over, picture in self._due_from(start):
            budget.check()
            if shown is not None and due > slot:
                yield from self._shown(finisher, shown, range(slot, due))
                slot = due
                budget.renew()
            is_one = is_one and shown is None
            end, shown = slot + 1 if is_one else max(slot + 1, over), picture
        if shown is not None:
            yield from self._shown(finisher, shown, range(slot, end))

    def frames_backward(self, stop: int) -> Generator[Frame, None, None]:
        """The frames from slot `stop - 1` down to the first."""
        stretch = max(1, BACKWARD_BYTES // self.frame_bytes)
        while stop > 0:
            start = max(0, stop - stretch)
            with closing(self.frames(start)) as frames:
                held = list(islice(frames, stop - start))
            while held:
                yield held.pop()
            stop = start

    def _shown(
        self, finisher: Finisher, picture: av.VideoFrame, slots: range
    ) -> Generator[Frame, None, None]:
        try:
            finished, deep = finisher.finished(picture)
        except DAMAGE as error:
            refuse_lack(error)
            raise UnreadableMedia(
                f"{self.name} has a picture that cannot be converted.", CONVERT_FACE
            ) from error
        return (Frame(slot, finished, deep) for slot in slots)

    def _due_from(self, slot: int) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """Pictures in order, each with the first slot it is due in; the first is due by `slot`."""
        for margin in SEEK_MARGINS:
            seconds = slot / self.rate - margin
            pictures = self._due_after(seconds) if seconds > 0 else iter(())
            first = next(pictures, None)
            if first is not None and first[0] <= slot:
                return chain([first], pictures)
        return self._due_from_start()

    def _due_after(self, seconds: Fraction) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """From the keyframe before some time, as far as the container's seeking can be trusted."""
        with open_container(self.path, self.name) as media:
            stream = media.video(self.track)
            try:
                assert stream.time_base  # without one there would be no source
                due = self.start + int(seconds / stream.time_base)
                clock = seek(media, stream, due, self.keyframes)
            except DAMAGE as error:
                refuse_lack(error)
                return
            pictures = media.frames(stream, clock)
            clean = dropwhile(lambda picture: is_no_start(picture, media), pictures)
            yield from self._due(self.look.whole(clean, is_middle=True), stream, media)

    def _due_from_start(self) -> Iterator[tuple[int, int, av.VideoFrame]]:
        end = 0
        with open_container(self.path, self.name) as media:
            stream = media.video(self.track)
            pictures = self.look.whole(media.frames(stream))
            for due, over, picture in self._due(pictures, stream, media):
                end = max(end, over)
                yield due, over, picture
            refuse_truncated(media, stream, float(end / self.rate))

    def _due(
        self, pictures: Iterable[av.VideoFrame], stream: av.VideoStream, media: Media
    ) -> Iterator[tuple[int, int, av.VideoFrame]]:
        """Each picture with the first slot whose middle is after the picture's time, and the first
        whose middle is after its end."""
        end = Fraction(0)
        assert stream.time_base  # without one there would be no source
        for picture in pictures:
            known = timestamp(picture, media)
            begins = end if known is None else (known - self.start) * stream.time_base
            lasts = Fraction(picture.duration or 0) * stream.time_base or 1 / self.pace
            end = begins + min(lasts, HELD)
            due = self._slot(begins)
            yield due, max(due + 1, self._slot(end)), picture

    def _slot(self, seconds: Fraction) -> int:
        return math.floor(seconds * self.rate + Fraction(1, 2))


def examine_source(
    path: Readable,
    name: str,
    rate: Fraction | None = None,
    track: int | None = None,
    wanted: Wanted = USUAL,
) -> Source:
    """Look at the headers of a spooled face, then decode its first pictures.

    `rate`, `track` (its place among the file's videos) and `wanted` are what its owner chose.
    Raises InputError: what exactly is in the errors' names; InvalidRequest for no such track.
    """

    def look(media: Media, track: int) -> Source:
        return examine_video(path, media, track, rate, wanted)

    source, notes = first_fit(path, name, "video", track, look)
    return replace(source, notes=(*notes, *source.notes))


def examine_video(
    path: Readable, media: Media, track: int, rate: Fraction | None, wanted: Wanted
) -> Source:
    """The source in one of the videos of a file that was just opened."""
    name, stream = media.name, media.video(track)
    pictures = media.frames(stream)
    first = next(pictures, None)
    if first is None or not stream.time_base:
        raise UnreadableMedia(f"{name} has no picture that can be decoded.", OPEN_ELSEWHERE)
    refuse_tiny(first, name)
    look = look_of(first, pictures, wanted, name)
    pace = STILL_RATE if media.is_still else constant_rate(stream)
    notes = () if rate or media.is_still else notes_of(name, stream, fluent(pace))
    keyframes, recordings = keyframes_of(path, media, track)
    return Source(
        path=path,
        name=name,
        rate=rate or fluent(pace),
        pace=pace,
        look=look,
        aspect=pixel_aspect(stream, turned=look.orientation.turns % 2 != 0),
        start=timestamp(first, media) or 0,
        track=track,
        keyframes=keyframes,
        notes=(*note_of(name, recordings), *notes, *media.notes, *look.notes),
    )


def is_no_start(picture: av.VideoFrame, media: Media) -> bool:
    """Whether it is of no use after a jump: damaged, or due nobody knows when."""
    return not picture.key_frame or timestamp(picture, media) is None


def refuse_tiny(picture: av.VideoFrame, name: str) -> None:
    if min(picture.width, picture.height) < SMALLEST_SIDE:
        raise NoFace(
            f"{name} is {picture.width} x {picture.height} pixels, in which no face is to be seen.",
            "Give larger pictures.",
        )


def timestamp(picture: av.VideoFrame, media: Media) -> int | None:
    """When a picture is due, if known.  AVI knows no such times, but the order of decoding."""
    return picture.dts if media.format == "avi" else picture.pts
