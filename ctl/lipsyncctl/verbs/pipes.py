"""Pipes: what `-` stands for, a file of what comes on stdin, or stdout as the place of a result."""

import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lipsyncctl.client.client import Client
from lipsyncctl.client.submit import Source
from lipsyncctl.verbs.verb import DASH
from lipsyncd.errors import DiskFull, FileTooLarge, InvalidRequest, UnreadableMedia
from lipsyncd.system.disk import FULL

CHUNK = 1 << 20  # bytes read at once


@contextmanager
def opened(
    client: Client, faces: Collection[str], voices: Collection[str]
) -> Iterator[dict[str, Source]]:
    """What each of the faces and the voices stands for that were typed; one may be `-`.

    Raises InvalidRequest, FileTooLarge, UnreadableMedia, DiskFull.
    """
    names: list[str] = [*faces, *voices]
    sources: dict[str, Source] = {name: name for name in names}
    if DASH not in names:
        yield sources
        return
    if names.count(DASH) > 1:
        raise InvalidRequest("Only one file can come on stdin.", "Name the others.")
    bound = "max_face_bytes" if DASH in faces else "max_voice_bytes"
    with tempfile.TemporaryFile() as file:
        take_stdin(file, client.health().get(bound), bound)
        yield sources | {DASH: file}


def take_stdin(file: BinaryIO, most: int | None, bound: str) -> None:
    """Write what comes on stdin into an empty file; `most` is the daemon's bound of that name."""
    if sys.stdin.isatty():
        raise InvalidRequest("- is what comes on stdin, which is a terminal.", "Name a file.")
    try:
        while chunk := os.read(sys.stdin.fileno(), CHUNK):
            if most is not None and file.tell() + len(chunk) > most:
                raise FileTooLarge(
                    f"More comes on stdin than {most} bytes, the daemon's {bound}.",
                    "Cut it, or ask the operator for a higher limit.",
                )
            file.write(chunk)
        file.flush()
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(
                f"There is no room in {tempfile.gettempdir()} for what comes on stdin.",
                "Let $TMPDIR name another folder.",
            ) from error
        raise UnreadableMedia(f"stdin cannot be read: {error.strerror}.", "Name a file.") from error


def stdout() -> BinaryIO:
    """Where a result goes for `-`.  Raises InvalidRequest for a terminal."""
    if sys.stdout.isatty():
        raise InvalidRequest(
            "-o - writes the result to stdout, which is a terminal.",
            "Name a file, or send it on with | or >.",
        )
    return sys.stdout.buffer
