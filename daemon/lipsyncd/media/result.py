"""A result: the rendered video on its way into a file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

import av

from lipsyncd.media.colour import LIMITED, Colour
from lipsyncd.media.container import open_container
from lipsyncd.media.faststart import move_to_front
from lipsyncd.media.kept import NOTHING, Kept, kept_packets
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.output import Output
from lipsyncd.media.packets import Packets
from lipsyncd.media.soundtrack import Soundtrack
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice

SYNC_BYTES = 32 << 20  # written between two waits for the disk
KEYFRAME_SECONDS = 4  # between keyframes at most, so that players can jump
SYNTHESISED = "The lips were synthesised by lipsyncd."  # what the metadata say of a result
# no version of libav, and no random number where Matroska wants one
OPTIONS = {"fflags": "+bitexact"}


class Result:
    """A video being written, and the voice beside it as time goes on."""

    def __init__(
        self,
        file: BinaryIO,
        container: av.container.OutputContainer,
        video: av.VideoStream,
        soundtrack: Soundtrack,
        tracks: Packets,
        *,
        swing: int,
    ) -> None:
        """`tracks`: what is kept of the face's; `swing`: of the pictures that come."""
        self._file = file
        self._container = container
        self._video = video
        self._soundtrack = soundtrack
        self._tracks = tracks
        self._swing = swing
        self._synced = 0  # bytes
        self.frames = 0

    def write(self, picture: av.VideoFrame) -> None:
        """Append one picture, upright YUV 4:2:0 of the result's size."""
        picture = self._fitted(picture)
        picture.pts, picture.time_base = self.frames, self._video.codec_context.time_base
        picture.pict_type = 0  # else the encoder would repeat the source's choice of keyframes
        self._mux(self._encoded(picture))
        self.frames += 1

    def finish(self, is_cut: bool) -> None:
        """Write what the encoder still holds, and the rest of the voice, unless it is cut where the
        pictures end."""
        self._mux(self._encoded(None))
        end = self.frames * self._video.codec_context.time_base
        said = self._soundtrack.until(end) if is_cut else self._soundtrack.rest()
        for packet in chain(said, self._tracks.until(end)):
            self._container.mux(packet)

    def _fitted(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture in the encoder's format; itself if it is."""
        context = self._video.codec_context
        if picture.format.name == context.pix_fmt:
            return picture
        return picture.reformat(
            format=context.pix_fmt,
            src_color_range=self._swing,
            dst_color_range=context.color_range,
            threads=1,
        )

    def _encoded(self, picture: av.VideoFrame | None) -> Iterator[av.Packet]:
        try:
            yield from self._video.encode_lazy(picture)
        except av.FFmpegError as error:
            refuse_lack(error)
            raise

    def _mux(self, packets: Iterable[av.Packet]) -> None:
        for packet in packets:
            due = packet.dts * packet.time_base
            for other in chain(self._soundtrack.until(due), self._tracks.until(due)):
                self._container.mux(other)
            self._container.mux(packet)
        self._sync()

    def _sync(self) -> None:
        """Bring it to the disk as it grows, so that at the end there is little left to do."""
        written = self._file.tell()
        if written - self._synced > SYNC_BYTES:
            os.fdatasync(self._file.fileno())
            self._synced = written


@contextmanager
def new_result(
    file: BinaryIO,
    source: Source,
    voices: Sequence[Voice],
    output: Output,
    kept: Kept = NOTHING,
    *,
    is_cut: bool = False,
) -> Iterator[Result]:
    """Write into an empty file that can be read as well; after the block it is whole, and on disk.

    `is_cut`: the voices end where the pictures do.

    Raises OSError.
    """
    try:
        with ExitStack() as stack:
            sounds = [stack.enter_context(open_container(each.path, each.name)) for each in voices]
            muxer = output.muxer
            options = OPTIONS | muxer.settings
            container = stack.enter_context(av.open(file, "w", muxer.name, options=options))
            container.metadata.update(described(kept, output))
            container.set_chapters(list(kept.chapters))
            video = video_stream(container, source, output)
            soundtrack = Soundtrack(voices, sounds, container, muxer.encoder)
            tracks = stack.enter_context(kept_packets(kept, source, container))
            swing = source.colour.swing
            result = Result(file, container, video, soundtrack, tracks, swing=swing)
            yield result
            result.finish(is_cut)
    except av.PyAVCallbackError as error:
        raise error.__context__ or error from None  # what the file itself said
    file.flush()
    move_to_front(file)
    os.fsync(file.fileno())


def described(kept: Kept, output: Output) -> dict[str, str]:
    """The metadata of a result: those that are kept, and what it is."""
    comment = kept.metadata.get("comment", "")
    if output.is_tagged and SYNTHESISED not in comment:
        comment = f"{comment} {SYNTHESISED}".strip()
    return {**kept.metadata, "comment": comment} if comment else dict(kept.metadata)


def video_stream(
    container: av.container.OutputContainer, source: Source, output: Output
) -> av.VideoStream:
    """A stream of the source's size, rate, pixel shape and colour."""
    encoder = output.encoder
    stream = container.add_stream(encoder.name, rate=source.rate)
    stream.width, stream.height, stream.pix_fmt = source.width, source.height, encoder.pixels
    stream.options = output.settings(source.width * source.height)
    context = stream.codec_context
    if encoder.tag and output.format in ("mp4", "mov"):
        context.codec_tag = encoder.tag
    context.time_base = 1 / source.rate
    context.gop_size = round(KEYFRAME_SECONDS * source.rate)
    context.sample_aspect_ratio = source.aspect
    swing = LIMITED if encoder.is_limited else source.colour.swing
    tag(context, replace(source.colour, swing=swing))
    return stream


def tag(context: av.VideoCodecContext, colour: Colour) -> None:
    context.colorspace = colour.matrix
    context.color_primaries = colour.primaries
    context.color_trc = colour.transfer
    context.color_range = colour.swing
