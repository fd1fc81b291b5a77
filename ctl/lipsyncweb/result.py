"""A result as it is sent: whole or a part of it, or many of them as a zip."""

import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from lipsyncctl import Job
from lipsyncd.errors import LipsyncError
from lipsyncweb.jobs import result_name

CHUNK = 1 << 18
RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
TYPES = {"mp4": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska"}
TYPES |= {"webm": "video/webm"}

Opened = AbstractContextManager[tuple[Job, int, int]]


def sent(opened: Opened, asked: str | None, is_download: bool) -> Response:
    """The result, or the part that the header Range asks for."""
    stack = ExitStack()
    job, descriptor, size = stack.enter_context(opened)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    if is_download:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(result_name(job))}"
    part = part_of(asked, size)
    if part is None:
        stack.close()
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = part
    if asked:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    kind = TYPES.get(job["options"].get("format", "mp4"), "application/octet-stream")

    def pieces() -> Iterator[bytes]:
        with stack:
            yield from read(descriptor, first, last + 1)

    return StreamingResponse(pieces(), 206 if asked else 200, headers, kind)


def part_of(asked: str | None, size: int) -> tuple[int, int] | None:
    """The first and the last byte that are asked for; None if there are none."""
    if not asked:
        return 0, size - 1
    found = RANGE.fullmatch(asked)
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return (max(size - int(last), 0), size - 1) if int(last) else None
    end = min(int(last), size - 1) if last else size - 1
    return (int(first), end) if int(first) <= end else None


def read(descriptor: int, begin: int, end: int) -> Iterator[bytes]:
    """The bytes from one to the other, wherever its position is."""
    while begin < end and (piece := os.pread(descriptor, min(CHUNK, end - begin), begin)):
        begin += len(piece)
        yield piece


def zipped(results: Mapping[str, Callable[[], Opened]]) -> StreamingResponse:
    """Many as one file, made while it is sent; what is gone by then is told in a text beside."""

    def pieces() -> Iterator[bytes]:
        sink = Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # they are packed already
            for id, opened in results.items():
                try:
                    with opened() as (job, descriptor, size):
                        entry = zipfile.ZipInfo(result_name(job))
                        with archive.open(entry, "w", force_zip64=True) as file:
                            for piece in read(descriptor, 0, size):
                                file.write(piece)
                                yield sink.taken()
                except LipsyncError as error:
                    archive.writestr(f"{id}.txt", f"{error.message} {error.hint}\n")
                yield sink.taken()
        yield sink.taken()

    headers = {"Content-Disposition": 'attachment; filename="lipsync.zip"'}
    return StreamingResponse(pieces(), 200, headers, "application/zip")


class Sink:
    """What zipfile writes to, from which it is taken as it comes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: Any) -> int:
        """One more."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        """All since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
