"""A soundtrack: the voice as packets of a result, copied where MP4 can hold it, else as AAC; of
several voices all of them, at once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest

import av
import numpy as np

from lipsyncd.media.container import Media
from lipsyncd.media.sound import filled, resampled
from lipsyncd.media.voice import Voice

AAC_RATE = 48000  # samples a second, where AAC does not know the voice's own rate
AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
AAC_BITS = 96000  # a second and channel
LAYOUTS = {1: "mono", 4: "quad", 6: "5.1", 8: "7.1"}  # by channels; any other number as stereo


class Soundtrack:
    """The voice on its way into a result: each packet once, in time order."""

    def __init__(
        self,
        voices: Sequence[Voice],
        medias: Sequence[Media],
        result: av.container.OutputContainer,
    ) -> None:
        """`medias`: each voice's own."""
        if len(voices) > 1:
            self._packets = mixed(voices, medias, result)
        elif voices[0].is_copied:
            self._packets = copied(voices[0], medias[0], result)
        else:
            self._packets = encoded(voices[0], medias[0], result)
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
    source = media.sound(voice.track)
    target = result.add_stream_from_template(source)
    for packet in media.packets(source):
        if packet.dts is None:
            continue
        packet.pts -= voice.start
        packet.dts -= voice.start
        packet.stream = target
        yield packet
        media.renew()


def encoded(
    voice: Voice, media: Media, result: av.container.OutputContainer
) -> Iterator[av.Packet]:
    """The voice as AAC."""
    source = media.sound(voice.track)
    rate = source.rate if source.rate in AAC_RATES else AAC_RATE
    target = result.add_stream("aac", rate=rate, layout=LAYOUTS.get(source.channels, "stereo"))
    target.bit_rate = AAC_BITS * target.channels
    context = target.codec_context
    context.open()
    form = {"form": context.format, "layout": context.layout, "size": context.frame_size}
    samples = 0
    for part in resampled(filled(media.frames(source)), media.name, context.rate, **form):
        part.pts, part.time_base = samples, Fraction(1, context.rate)
        samples += part.samples
        yield from target.encode(part)
    yield from target.encode(None)


def mixed(
    voices: Sequence[Voice], medias: Sequence[Media], result: av.container.OutputContainer
) -> Iterator[av.Packet]:
    """All voices from the beginning, one on top of the other, as AAC."""
    target = result.add_stream("aac", rate=AAC_RATE, layout="stereo")
    target.bit_rate = AAC_BITS * target.channels
    context = target.codec_context
    context.open()
    samples = 0
    each = (blocks(voice, media, context) for voice, media in zip(voices, medias, strict=True))
    for parts in zip_longest(*each):
        there = [part for part in parts if part is not None]
        mix = np.zeros((target.channels, max(part.shape[1] for part in there)), np.float32)
        for part in there:
            mix[:, : part.shape[1]] += part
        frame = av.AudioFrame.from_ndarray(mix.clip(-1, 1), "fltp", "stereo")
        frame.sample_rate, frame.pts = context.rate, samples
        frame.time_base = Fraction(1, context.rate)
        samples += frame.samples
        yield from target.encode(frame)
    yield from target.encode(None)


def blocks(voice: Voice, media: Media, context: av.AudioCodecContext) -> Iterator[np.ndarray]:
    """A voice as (2, n) float32, of as many samples as the encoder takes, but for the last."""
    buffer = av.AudioFifo()
    frames = filled(media.frames(media.sound(voice.track)))
    for frame in resampled(frames, media.name, context.rate, layout=context.layout):
        frame.pts = None
        buffer.write(frame)
        while part := buffer.read(context.frame_size):
            yield part.to_ndarray()
    if part := buffer.read():
        yield part.to_ndarray()
