"""A result: the packets of its parts and the voice beside them, on their way into a file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any, BinaryIO, cast

import av

from lipsyncd.media.container import open_container
from lipsyncd.media.faststart import move_to_front
from lipsyncd.media.kept import NOTHING, Kept, kept_packets
from lipsyncd.media.output import Output
from lipsyncd.media.packets import Packets
from lipsyncd.media.part import set_up
from lipsyncd.media.soundtrack import Soundtrack
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice

SYNC_BYTES = 32 << 20  # written between two waits for the disk
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
    ) -> None:
        """`tracks`: what is kept of the face's."""
        self._file = file
        self._container = container
        self._video = video
        self._soundtrack = soundtrack
        self._tracks = tracks
        self._synced = 0  # bytes
        self.frames = 0

    def add(self, packets: Iterable[av.Packet]) -> None:
        """Append the packets of a part, whose pictures begin at 0, a frame each."""
        start = self.frames
        for packet in packets:
            assert packet.pts is not None and packet.dts is not None  # as a part's packets
            packet.pts, packet.dts = packet.pts + start, packet.dts + start
            packet.stream = self._video
            due = packet.dts * packet.time_base
            for other in chain(self._soundtrack.until(due), self._tracks.until(due)):
                self._container.mux(other)
            self._container.mux(packet)
            self.frames += 1
            self._sync()

    def finish(self, is_cut: bool) -> None:
        """Write the rest of the voice, unless it is cut where the pictures end."""
        end = self.frames * self._video.codec_context.time_base
        said = self._soundtrack.until(end) if is_cut else self._soundtrack.rest()
        for packet in chain(said, self._tracks.until(end)):
            self._container.mux(packet)

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
            options = {**OPTIONS, **muxer.settings}
            container = stack.enter_context(av.open(file, "w", muxer.name, options=options))
            container.metadata.update(described(kept, output))
            container.set_chapters(cast(Any, list(kept.chapters)))
            video = cast(
                av.VideoStream, container.add_stream(output.encoder.name, rate=source.rate)
            )
            set_up(video.codec_context, source, output)
            soundtrack = Soundtrack(voices, sounds, container, muxer.encoder)
            tracks = stack.enter_context(kept_packets(kept, source, container))
            result = Result(file, container, video, soundtrack, tracks)
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
