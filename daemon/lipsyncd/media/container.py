"""A container: a media file opened through libav so that nothing but that file is ever read.

Playlists and reference movies name other files and addresses.  Two locks keep libav from them: it
has no protocol to open anything with, and what a demuxer opens past that is refused.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av

from lipsyncd.errors import InputGone, TruncatedMedia, UnreadableMedia

CHECK_IT_PLAYS = "Check that a media player opens it, or convert it to MP4."
SEND_WHOLE = "Send the whole file: it plays only to where it breaks off."

NO_PROTOCOLS = {"protocol_whitelist": "none"}

UNKNOWN_SIZE = 0xFFFFFFFF - 8  # from here on a RIFF size means that the writer could not know it

# Containers that state their length; of others (MP3, raw streams) libav only guesses it.
STATES_LENGTH = ("mov", "matroska", "avi", "wav", "flac", "ogg")
MISSING_SHARE = 0.05  # of the stated length: so much may be missing at the end of a whole file,
MISSING_SECONDS = 0.25  # and in any case so much


@contextmanager
def open_container(path: Path, name: str) -> Iterator[av.container.InputContainer]:
    """Open a spooled file; `name` is what messages call it.  Raises InputGone, UnreadableMedia."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputGone(f"The spooled copy of {name} is gone.", "Submit the job again.") from error
    with file:
        refuse_short_riff(file, name)
        try:
            container = av.open(file, io_open=refuse_opening, options=NO_PROTOCOLS)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise UnreadableMedia(
                f"{name} is no media that can be read.", CHECK_IT_PLAYS
            ) from error
        with container:
            yield container


def refuse_short_riff(file: BinaryIO, name: str) -> None:
    """Raise TruncatedMedia for a WAV or AVI that ends well before the size in its first bytes.

    libav takes such a file for a whole shorter one.  A size of 0 or all ones means: unknown.
    """
    head = file.read(8)
    stated = int.from_bytes(head[4:], "little") if head.startswith(b"RIFF") else 0
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if 0 < stated < UNKNOWN_SIZE and size < stated * (1 - MISSING_SHARE):
        raise TruncatedMedia(f"{name} breaks off after {size} of {stated} bytes.", SEND_WHOLE)


def refuse_opening(url: str, flags: int, options: dict[str, str]) -> None:
    raise PermissionError("a media file may not open another")


def packets_of(stream: av.stream.Stream, name: str) -> Iterator[av.Packet]:
    """The stream's packets, the empty one that flushes the decoder last.  Raises TruncatedMedia."""
    try:
        yield from stream.container.demux(stream)
    except (av.FFmpegError, OSError) as error:
        raise TruncatedMedia(f"{name} breaks off in the middle.", SEND_WHOLE) from error


def frames_of(stream: av.stream.Stream, name: str) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """The stream's decoded frames; a damaged packet costs only its own.  Raises TruncatedMedia."""
    for packet in packets_of(stream, name):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def refuse_truncated(stream: av.stream.Stream, seconds: float, name: str) -> None:
    """Raise TruncatedMedia if the stream ended after `seconds`, well before its stated length."""
    if not stream.container.format.name.startswith(STATES_LENGTH):
        return
    stated = stated_seconds(stream)
    if stated - seconds > max(MISSING_SECONDS, MISSING_SHARE * stated):
        raise TruncatedMedia(
            f"{name} breaks off after {seconds:.1f} of {stated:.1f} seconds.", SEND_WHOLE
        )


def stated_seconds(stream: av.stream.Stream) -> float:
    """The stream's length by its header, its tag, or the container's where no other is in it."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    container = stream.container
    if tag := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, tag.groups())
        stated = 3600 * hours + 60 * minutes + seconds
    else:
        stated = (container.duration or 0) / av.time_base if len(container.streams) == 1 else 0.0
    return stated - (container.start_time or 0) / av.time_base
