"""A container: a media file opened through libav so that nothing but that file is ever read.

Playlists and reference movies name other files and addresses.  Three locks keep libav from them: it
knows none of their formats, it has no protocol to open anything with, and what a demuxer opens past
that is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

import av

from lipsyncd.errors import (
    InputGone,
    NoAudioStream,
    NoVideoStream,
    TruncatedMedia,
    UnreadableMedia,
)
from lipsyncd.media.advice import CONVERT_FACE, CONVERT_VOICE, SEND_WHOLE
from lipsyncd.media.alpha import alpha_decoder
from lipsyncd.media.bombs import refuse_bomb
from lipsyncd.media.budget import BudgetedFile, TimeBudget
from lipsyncd.media.images import Images
from lipsyncd.media.joined import Clock
from lipsyncd.media.limits import (
    CODECS,
    FORMATS,
    FRAME_SAMPLES,
    FRAME_SECONDS,
    LARGE,
    LARGE_THREADS,
    OPENING_BYTES,
    STATED_STREAMS,
    VIDEO_PIXELS,
    bound_allocations,
)
from lipsyncd.media.magic import broken
from lipsyncd.media.memory import memory_named, refuse_lack
from lipsyncd.media.mp4 import is_movie
from lipsyncd.media.signature import image_format
from lipsyncd.media.spooled import Readable
from lipsyncd.system.disk import disk_named

OPTIONS = {
    "protocol_whitelist": "none",
    "format_whitelist": FORMATS,
    "codec_whitelist": CODECS,
    "max_streams": str(STATED_STREAMS),
}

LIVE = "mpegts", "mpeg"

# What no decoder makes, whatever the file says: it looks before it allocates
BOUNDS = {"max_pixels": str(VIDEO_PIXELS), "max_samples": str(FRAME_SAMPLES)}

# What libav, and PyAV around it, make of damage.
DAMAGE = (av.FFmpegError, ValueError, ArithmeticError, LookupError)

Kind = Literal["video", "sound"]
Decoded = av.VideoFrame | av.AudioFrame

bound_allocations()


class Media:
    """A media file that is open; `name` is what messages call it."""

    is_still = False  # as an image may be (images.py)
    notes: tuple[str, ...] = ()

    def __init__(self, container: av.container.InputContainer, file: BudgetedFile) -> None:
        self.container = container
        self._file = file
        self.name = file.budget.name
        self._budget = file.budget
        self._alpha: av.VideoCodecContext | None = None

    @property
    def format(self) -> str:
        return self.container.format.name

    def video(self, track: int = 0) -> av.VideoStream:
        """One of the videos, its decoder within bounds.

        Raises NoVideoStream, UnreadableMedia.
        """
        streams = self.container.streams.video
        if track >= len(streams):
            raise NoVideoStream(
                f"{self.name} has no picture in it.", "Give a video or an image as the face."
            )
        context = self._bound(streams[track])
        refuse_bomb(context.extradata or b"", context.codec.name, self.name)
        context.thread_type = "AUTO"
        if streams[track].width * streams[track].height > LARGE:
            context.thread_count = LARGE_THREADS
        self._alpha = alpha_decoder(streams[track])
        return streams[track]

    def tracks(self, kind: Kind) -> Sequence[av.stream.Stream]:
        """All the videos, or all the sounds, in the order of the file."""
        streams = self.container.streams
        return streams.video if kind == "video" else streams.audio

    def sound(self, track: int = 0) -> av.AudioStream:
        """One of the sounds, its decoder within bounds.

        Raises NoAudioStream, UnreadableMedia.
        """
        streams = self.container.streams.audio
        if track >= len(streams):
            raise NoAudioStream(
                f"{self.name} has no sound in it.", "Give a recording as the voice."
            )
        self._bound(streams[track])
        return streams[track]

    @property
    def is_live(self) -> bool:
        """Whether it is as it was sent: what comes much later is another recording, and no hole."""
        return self.format in LIVE

    def packets(
        self, *streams: av.stream.Stream, clock: Clock | None = None
    ) -> Iterator[av.Packet]:
        """The streams' packets, the empty ones that flush the decoders last, set by the clock; of
        several streams each has its own.

        `renew` is to be called when something came of them.
        Raises TruncatedMedia, DecodingTooSlow, DiskFailed.
        """
        clocks = {each.index: clock or Clock(self.is_live) for each in streams}
        self.renew()
        try:
            for packet in self.container.demux(*streams):
                self._budget.check()
                clocks[packet.stream.index].set(packet)
                yield packet
        except DAMAGE as error:
            refuse_lack(error)
            raise self._file.failure or TruncatedMedia(
                f"{self.name} breaks off in the middle.", SEND_WHOLE
            ) from error

    def frames(self, stream: av.stream.Stream, clock: Clock | None = None) -> Iterator[Any]:
        """The stream's decoded frames, of its kind; a damaged packet costs only its own.

        Raises TruncatedMedia, UnreadableMedia, DecodingTooSlow, DiskFailed.
        """
        for packet in self.packets(stream, clock=clock):
            yield from self.came(self.decoded(packet) or ())

    def decoded(self, packet: av.Packet) -> Sequence[Decoded] | None:
        """The frames that a packet completes, or None if it is damaged.

        Raises UnreadableMedia, JobMemoryFull.
        """
        refuse_bomb(packet, packet.stream.codec_context.codec.name, self.name)
        try:
            if self._alpha:
                return self._alpha.decode(packet if packet.size else None)
            return packet.decode()
        except DAMAGE as error:
            refuse_lack(error)
            return None

    def came(self, frames: Iterable[Decoded]) -> Iterator[Any]:
        """The same frames; each is a reason to be patient again."""
        for frame in frames:
            self._budget.earn(worth(frame))
            yield frame
            self._budget.go_on()

    def seek(self, time: int, stream: av.VideoStream) -> None:
        """Go to the keyframe before a time, in the stream's time base.  Raises as DAMAGE says."""
        self.container.seek(time, stream=stream)

    def renew(self) -> None:
        """Be patient again: something came of the packets."""
        self._budget.renew()

    def _bound(self, stream: av.stream.Stream) -> av.CodecContext:
        """The stream's decoder, with nothing decoded yet."""
        context = stream.codec_context
        if context is None or context.codec.name not in CODECS.split(","):
            kind = f"as {context.codec.long_name}" if context else "in a way that nobody knows"
            advice = CONVERT_FACE if stream.type == "video" else CONVERT_VOICE
            raise UnreadableMedia(f"{self.name} is coded {kind}: it cannot be read.", advice)
        context.options = BOUNDS
        return context


@contextmanager
def open_container(path: Readable, name: str) -> Iterator[Media]:
    """Open a spooled file that was examined before.

    Raises InputGone, UnreadableMedia, TruncatedMedia, FileTooLarge, DecodingTooSlow, DiskFailed,
    HostExhausted.
    """
    with open_file(path, name) as file, media_in(file) as media:
        yield media


@contextmanager
def media_in(file: BudgetedFile, decoding: bool = True) -> Iterator[Media]:
    """What is in an open file; without `decoding` only what its headers say is found out."""
    if form := image_format(file):
        yield cast(Media, Images(file, form))  # to a source it is one
        return
    options = OPTIONS | (BOUNDS if decoding else {"codec_whitelist": "none"})
    with opened(file, options) as container:
        yield Media(container, file)


def opened(file: BudgetedFile, options: dict[str, str]) -> av.container.InputContainer:
    """What libav makes of the file.  The size of an MP4's index was looked at before."""
    bounded = not is_movie(file)
    file.seek(0)
    try:
        with file.opening(OPENING_BYTES if bounded else None):
            how: Any = {"io_open": refuse_opening, "metadata_errors": "replace"}
            return cast(av.container.InputContainer, av.open(file, options=options, **how))
    except (*DAMAGE, OSError) as error:
        refuse_lack(error)
        raise file.failure or broken(file) from error


@contextmanager
def open_file(path: Readable, name: str) -> Iterator[BudgetedFile]:
    """Raises InputGone, DiskFailed, HostExhausted."""
    try:
        with disk_named(f"the spooled copy of {name}"), memory_named():
            file = path.open("rb")
    except FileNotFoundError as error:
        raise InputGone(f"The spooled copy of {name} is gone.", "Submit the job again.") from error
    with file:
        yield BudgetedFile(file, TimeBudget(name))


def refuse_opening(url: str, flags: int, options: dict[str, str]) -> None:
    raise PermissionError("a media file may not open another")


def worth(frame: Decoded) -> float:
    """How long work may take for it: sound comes at least as fast as it is heard."""
    if isinstance(frame, av.VideoFrame):
        return FRAME_SECONDS
    return frame.samples / max(frame.sample_rate, 1)
