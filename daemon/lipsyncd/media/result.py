"""A result: the rendered video on its way into a file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import av

from lipsyncd.media.colour import Colour
from lipsyncd.media.container import open_container
from lipsyncd.media.faststart import move_to_front
from lipsyncd.media.limits import LARGE
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.soundtrack import Soundtrack
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice

# x264 looks ahead over tens of pictures, and works on several: that is some GB of large ones
UNBUFFERED = {"tune": "zerolatency"}
# x264's AVX-512 routines encode the same pictures otherwise each time; those for AVX2 are as fast
HAS_AVX512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()
STEADY = {"x264-params": "asm=avx2"} if HAS_AVX512 else {}
SYNC_BYTES = 32 << 20  # written between two waits for the disk
KEYFRAME_SECONDS = 4  # between keyframes at most, so that players can jump


class Result:
    """An MP4 being written: H.264, and the voice beside it as time goes on."""

    def __init__(
        self,
        file: BinaryIO,
        container: av.container.OutputContainer,
        video: av.VideoStream,
        soundtrack: Soundtrack,
    ) -> None:
        self._file = file
        self._container = container
        self._video = video
        self._soundtrack = soundtrack
        self._synced = 0  # bytes
        self.frames = 0

    def write(self, picture: av.VideoFrame) -> None:
        """Append one picture, upright YUV 4:2:0 or BGR of the result's size."""
        picture.pts, picture.time_base = self.frames, self._video.codec_context.time_base
        picture.pict_type = 0  # else the encoder would repeat the source's choice of keyframes
        self._mux(self._encoded(picture))
        self.frames += 1

    def finish(self, is_cut: bool) -> None:
        """Write what the encoder still holds, and the rest of the voice, unless it is cut where the
        pictures end."""
        self._mux(self._encoded(None))
        end = self.frames * self._video.codec_context.time_base
        for packet in self._soundtrack.until(end) if is_cut else self._soundtrack.rest():
            self._container.mux(packet)

    def _encoded(self, picture: av.VideoFrame | None) -> Iterator[av.Packet]:
        try:
            yield from self._video.encode_lazy(picture)
        except av.FFmpegError as error:
            refuse_lack(error)
            raise

    def _mux(self, packets: Iterable[av.Packet]) -> None:
        for packet in packets:
            for sound in self._soundtrack.until(packet.dts * packet.time_base):
                self._container.mux(sound)
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
    preset: str,
    crf: int,
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
            container = stack.enter_context(av.open(file, "w", format="mp4"))
            video = video_stream(container, source, preset, crf)
            soundtrack = Soundtrack(voices, sounds, container)
            result = Result(file, container, video, soundtrack)
            yield result
            result.finish(is_cut)
    except av.PyAVCallbackError as error:
        raise error.__context__ or error from None  # what the file itself said
    file.flush()
    move_to_front(file)
    os.fsync(file.fileno())


def video_stream(
    container: av.container.OutputContainer, source: Source, preset: str, crf: int
) -> av.VideoStream:
    """An H.264 stream of the source's size, rate, pixel shape and colour."""
    stream = container.add_stream("libx264", rate=source.rate)
    stream.width, stream.height, stream.pix_fmt = source.width, source.height, "yuv420p"
    large = source.width * source.height > LARGE
    stream.options = {"preset": preset, "crf": str(crf)} | STEADY | (UNBUFFERED if large else {})
    context = stream.codec_context
    context.time_base = 1 / source.rate
    context.gop_size = round(KEYFRAME_SECONDS * source.rate)
    context.sample_aspect_ratio = source.aspect
    tag(context, source.colour)
    return stream


def tag(context: av.VideoCodecContext, colour: Colour) -> None:
    context.colorspace = colour.matrix
    context.color_primaries = colour.primaries
    context.color_trc = colour.transfer
    context.color_range = colour.swing
