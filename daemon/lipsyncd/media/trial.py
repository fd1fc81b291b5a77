"""A trial: a result that is written nowhere, to see whether it takes a track's own packets."""

from collections.abc import Iterator
from contextlib import contextmanager

import av

from lipsyncd.media.container import DAMAGE
from lipsyncd.media.memory import refuse_lack
from lipsyncd.media.muxers import Muxer


class Trial:
    """Packets are muxed as they come, at whatever time they begin; whether all went well."""

    def __init__(self, source: av.stream.Stream, muxer: Muxer) -> None:
        self._is_passed = (
            source.codec_context.codec.canonical_name in muxer.copied | muxer.subtitles
        )
        self._result = av.open(Nowhere(), "w", format=muxer.name)
        with self._judged():
            self._target = self._result.add_stream_from_template(source)

    def packet(self, packet: av.Packet) -> None:
        """One more, which is of no use to others afterwards."""
        if self._is_passed and packet.dts is not None:
            with self._judged():
                packet.stream = self._target
                self._result.mux(packet)

    def end(self) -> bool:
        """Whether the format took them all."""
        with self._judged():
            self._result.close()
        return self._is_passed

    @contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            refuse_lack(error)
            self._is_passed = False


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
