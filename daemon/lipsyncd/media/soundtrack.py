"""A soundtrack: the voice as packets of a result, copied where its format can hold it, else
encoded; of several voices all of them, at once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Any, cast

import av
import numpy as np

from lipsyncd.media.container import Media
from lipsyncd.media.muxers import SoundEncoder
from lipsyncd.media.packets import Packets
from lipsyncd.media.sound import filled, resampled
from lipsyncd.media.voice import Voice

BITS = 96000  # a second and channel
LAYOUTS = {1: "mono", 4: "quad", 6: "5.1", 8: "7.1"}  # by channels; any other number as stereo


class Soundtrack(Packets):
    """The voice on its way into a result."""

    def __init__(
        self,
        voices: Sequence[Voice],
        medias: Sequence[Media],
        result: av.container.OutputContainer,
        encoder: SoundEncoder,
    ) -> None:
        """`medias`: each voice's own; `encoder`: the one that goes with the result's format."""
        if len(voices) > 1:
            packets = mixed(voices, medias, result, encoder)
        elif voices[0].is_copied:
            packets = copied(voices[0], medias[0], result)
        else:
            packets = encoded(voices[0], medias[0], result, encoder)
        super().__init__(packets)


def copied(voice: Voice, media: Media, result: av.container.OutputContainer) -> Iterator[av.Packet]:
    """The voice's own packets, moved in time so that its first sample is heard at 0."""
    source = media.sound(voice.track)
    target = result.add_stream_from_template(source)
    for packet in media.packets(source):
        if packet.dts is None:
            continue
        assert packet.pts is not None  # an intact voice has all times
        packet.pts -= voice.start
        packet.dts -= voice.start
        packet.stream = target
        yield packet
        media.renew()


def encoded(
    voice: Voice, media: Media, result: av.container.OutputContainer, encoder: SoundEncoder
) -> Iterator[av.Packet]:
    """The voice in the encoder's codec."""
    source = media.sound(voice.track)
    rate = source.rate if source.rate in encoder.rates else encoder.rate
    target = opened(encoder, rate, LAYOUTS.get(source.channels, "stereo"), result)
    context = target.codec_context
    form: Any = {"form": context.format, "layout": context.layout, "size": context.frame_size}
    samples = 0
    for part in resampled(filled(media.frames(source)), media.name, context.rate, **form):
        part.pts, part.time_base = samples, Fraction(1, context.rate)
        samples += part.samples
        yield from target.encode(part)
    yield from target.encode(None)


def opened(
    encoder: SoundEncoder, rate: int, layout: str, result: av.container.OutputContainer
) -> av.AudioStream:
    """A stream of the result that is about to be encoded."""
    added = result.add_stream(encoder.name, rate=rate, layout=layout)
    stream = cast(av.AudioStream, added)
    stream.bit_rate = BITS * stream.channels
    stream.codec_context.open()
    return stream


def mixed(
    voices: Sequence[Voice],
    medias: Sequence[Media],
    result: av.container.OutputContainer,
    encoder: SoundEncoder,
) -> Iterator[av.Packet]:
    """All voices from the beginning, one on top of the other."""
    target = opened(encoder, encoder.rate, "stereo", result)
    context = target.codec_context
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
