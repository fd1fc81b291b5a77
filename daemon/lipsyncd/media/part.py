"""A part: the pictures of some seconds of a result, as packets that depend on no other part."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import BinaryIO, cast

import av
import msgpack

from lipsyncd.media.colour import LIMITED, Colour
from lipsyncd.media.limits import LARGE
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.output import Output
from lipsyncd.media.source import Source

LARGEST = 256 << 20  # bytes of a packet: of what no encoder makes a picture
KEYFRAME_SECONDS = 4  # between keyframes at most, so that players can jump


class PartEncoder:
    """Makes packets of a part's pictures; those of all parts fit into one result."""

    def __init__(self, source: Source, output: Output, first: int = 0) -> None:
        """The first picture is that of a frame of the part."""
        self._swing = source.final.swing
        self._colour = colour_in(source, output)
        self._context = encoder_of(source, output)
        large = source.width * source.height > LARGE  # of these no picture waits for others
        self._delay = 0 if large else output.encoder.delay
        self._first = self._count = first

    def packets(self, picture: av.VideoFrame | None) -> Iterator[av.Packet]:
        """Those that are complete with one more picture, as the result has the source's frames;
        with None the last ones.  They are due frame by frame."""
        if picture is not None:
            picture = self.fitted(picture)
            tag(picture, self._colour)  # the encoder of ProRes looks here
            picture.pts, picture.time_base = self._count, self._context.time_base
            picture.pict_type = 0  # else the encoder would repeat the source's choice of keyframes
            self._count += 1
        try:
            for packet in self._context.encode_lazy(picture):
                if self._count - self._first <= self._delay:
                    assert packet.pts is not None  # of the picture
                    packet.dts = packet.pts - self._delay
                yield packet
        except av.FFmpegError as error:
            refuse_lack(error)
            raise

    def fitted(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture in the encoder's format; itself if it is."""
        context = self._context
        if picture.format.name == context.pix_fmt:
            return picture
        return picture.reformat(
            format=context.pix_fmt,
            src_color_range=self._swing,
            dst_color_range=context.color_range,
            threads=1,
        )


def decoded(
    packets: Iterable[av.Packet], source: Source, output: Output
) -> Iterator[av.VideoFrame]:
    """The pictures of a part's packets, in the encoder's format."""
    encoder = encoder_of(source, output)
    encoder.open()
    decoder = av.CodecContext.create(output.encoder.decoder, "r")
    context = cast(av.VideoCodecContext, decoder)
    context.extradata, context.width, context.height = (
        encoder.extradata,
        source.width,
        source.height,
    )
    for packet in chain(packets, [None]):
        yield from context.decode(packet)


def encoder_of(source: Source, output: Output) -> av.VideoCodecContext:
    """An encoder of parts: what all their packets have in common lies beside them, as in the
    result."""
    context = cast(av.VideoCodecContext, av.CodecContext.create(output.encoder.name, "w"))
    context.flags |= av.codec.context.Flags.global_header
    set_up(context, source, output)
    return context


def set_up(context: av.VideoCodecContext, source: Source, output: Output) -> None:
    """What an encoder of a source's pictures is told: their size, rate, pixel shape and colour."""
    encoder, final = output.encoder, source.final
    context.width, context.height = source.width, source.height
    context.pix_fmt = (final.bits > 8 and encoder.deep) or encoder.pixels
    context.options = output.settings(source.width * source.height, source.look.mastering)
    if encoder.tag and output.format in ("mp4", "mov"):
        context.codec_tag = encoder.tag
    context.framerate, context.time_base = source.rate, 1 / source.rate
    context.gop_size = round(KEYFRAME_SECONDS * source.rate)
    context.sample_aspect_ratio = source.aspect
    tag(context, colour_in(source, output))


def colour_in(source: Source, output: Output) -> Colour:
    """What the samples mean that an encoder is given."""
    final = source.final
    return replace(final, swing=LIMITED) if output.encoder.is_limited else final


def tag(tagged: av.VideoCodecContext | av.VideoFrame, colour: Colour) -> None:
    tagged.colorspace = colour.matrix
    tagged.color_primaries = colour.primaries
    tagged.color_trc = colour.transfer
    tagged.color_range = colour.swing


def write_packets(packets: Iterable[av.Packet], file: BinaryIO) -> None:
    """Append packets to what `read_packets` reads."""
    for packet in packets:
        times = packet.pts, packet.dts, packet.duration
        file.write(msgpack.packb([*times, packet.is_keyframe, bytes(packet)]))


def read_packets(file: BinaryIO, time_base: Fraction) -> Iterator[av.Packet]:
    """The packets that were written."""
    for *times, is_keyframe, content in msgpack.Unpacker(file, max_buffer_size=LARGEST):
        packet = av.Packet(content)
        packet.pts, packet.dts, packet.duration = times
        packet.is_keyframe, packet.time_base = is_keyframe, time_base
        yield packet
