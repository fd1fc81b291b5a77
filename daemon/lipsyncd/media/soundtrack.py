"""A soundtrack: the voice as packets of a result, copied where MP4 can hold it, else as AAC."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av

from lipsyncd.media.container import frames_of, packets_of
from lipsyncd.media.voice import Voice, sound_stream

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
        container: av.container.InputContainer,
        result: av.container.OutputContainer,
    ) -> None:
        source = sound_stream(container, voice.name)
        if source.codec_context.codec.canonical_name in COPIED:
            self._packets = copied(voice, source, result.add_stream_from_template(source))
        else:
            self._packets = encoded(voice, source, result)
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


def copied(
    voice: Voice, source: av.audio.stream.AudioStream, target: av.audio.stream.AudioStream
) -> Iterator[av.Packet]:
    """The voice's own packets, moved in time so that its first sample is heard at 0."""
    for packet in packets_of(source, voice.name):
        if packet.dts is None:
            continue
        packet.pts -= voice.start
        packet.dts -= voice.start
        packet.stream = target
        yield packet


def encoded(
    voice: Voice, source: av.audio.stream.AudioStream, result: av.container.OutputContainer
) -> Iterator[av.Packet]:
    """The voice as AAC."""
    rate = source.rate if source.rate in AAC_RATES else AAC_RATE
    target = result.add_stream("aac", rate=rate, layout=LAYOUTS.get(source.channels, "stereo"))
    target.bit_rate = AAC_BITS * target.channels
    return encoded_packets(voice, source, target)


def encoded_packets(
    voice: Voice, source: av.audio.stream.AudioStream, target: av.audio.stream.AudioStream
) -> Iterator[av.Packet]:
    context = target.codec_context
    context.open()
    resample = av.AudioResampler(context.format, context.layout, context.rate, context.frame_size)
    samples = 0
    for frame in chain(frames_of(source, voice.name), [None]):
        for part in resample.resample(frame):
            part.pts, part.time_base = samples, Fraction(1, context.rate)
            samples += part.samples
            yield from target.encode(part)
    yield from target.encode(None)
