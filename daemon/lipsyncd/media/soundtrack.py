"""A soundtrack: the voice as packets of a result, copied where MP4 can hold it, else as AAC."""

from collections.abc import Iterator
from fractions import Fraction

import av

from lipsyncd.media.container import DAMAGE, Media, Sign, open_container, unheard
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.sound import resampled
from lipsyncd.media.voice import Voice

COPIED = {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"}  # codecs that MP4 players know
AAC_RATE = 48000  # samples a second, where AAC does not know the voice's own rate
AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
AAC_BITS = 96000  # a second and channel
LAYOUTS = {1: "mono", 4: "quad", 6: "5.1", 8: "7.1"}  # by channels; any other number as stereo


class Soundtrack:
    """The voice on its way into a result: each packet once, in time order."""

    def __init__(
        self,
        voice: Voice,
        media: Media,
        result: av.container.OutputContainer,
        alive: Sign = unheard,
    ) -> None:
        """`alive` is called for each packet that is tried."""
        if is_copied(voice, alive):
            self._packets = copied(voice, media, result)
        else:
            self._packets = encoded(media, result)
        self._next = next(self._packets, None)

    def until(self, seconds: Fraction) -> Iterator[av.Packet]:
        """The packets due before `seconds`."""
        while self._next is not None and self._next.dts * self._next.time_base < seconds:
            yield self._next
            self._next = next(self._packets, None)

    def rest(self) -> Iterator[av.Packet]:
        while self._next is not None:
            yield self._next
            self._next = next(self._packets, None)


class Nowhere:
    """A file that only looks as if it were written."""

    def __init__(self) -> None:
        self._place = self._size = 0

    def write(self, content: bytes) -> int:
        self._place += len(content)
        self._size = max(self._size, self._place)
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        return self._place


def is_copied(voice: Voice, alive: Sign = unheard) -> bool:
    """Whether the voice's own packets go into the result.  That MP4 takes them is tried first."""
    if not voice.intact:
        return False
    with open_container(voice.path, voice.name) as media:
        if media.sound().codec_context.codec.canonical_name not in COPIED:
            return False
        try:
            with av.open(Nowhere(), "w", format="mp4") as trial:
                for packet in copied(voice, media, trial):
                    trial.mux(packet)
                    alive()
        except DAMAGE as error:
            refuse_lack(error)
            return False
    return True


def copied(voice: Voice, media: Media, result: av.container.OutputContainer) -> Iterator[av.Packet]:
    """The voice's own packets, moved in time so that its first sample is heard at 0."""
    source = media.sound()
    target = result.add_stream_from_template(source)
    for packet in media.packets(source):
        if packet.dts is None:
            continue
        packet.pts -= voice.start
        packet.dts -= voice.start
        packet.stream = target
        yield packet
        media.renew()


def encoded(media: Media, result: av.container.OutputContainer) -> Iterator[av.Packet]:
    """The voice as AAC."""
    source = media.sound()
    rate = source.rate if source.rate in AAC_RATES else AAC_RATE
    target = result.add_stream("aac", rate=rate, layout=LAYOUTS.get(source.channels, "stereo"))
    target.bit_rate = AAC_BITS * target.channels
    context = target.codec_context
    context.open()
    form = {"form": context.format, "layout": context.layout, "size": context.frame_size}
    samples = 0
    for part in resampled(media.frames(source), media.name, context.rate, **form):
        part.pts, part.time_base = samples, Fraction(1, context.rate)
        samples += part.samples
        yield from target.encode(part)
    yield from target.encode(None)
