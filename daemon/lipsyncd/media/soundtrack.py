"""A soundtrack: the voice as packets of a result, copied where MP4 can hold it, else as AAC."""

from collections.abc import Iterator
from fractions import Fraction

import av

from lipsyncd.media.container import Media
from lipsyncd.media.sound import resampled
from lipsyncd.media.voice import Voice

AAC_RATE = 48000  # samples a second, where AAC does not know the voice's own rate
AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
AAC_BITS = 96000  # a second and channel
LAYOUTS = {1: "mono", 4: "quad", 6: "5.1", 8: "7.1"}  # by channels; any other number as stereo


class Soundtrack:
    """The voice on its way into a result: each packet once, in time order."""

    def __init__(self, voice: Voice, media: Media, result: av.container.OutputContainer) -> None:
        if voice.is_copied:
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
