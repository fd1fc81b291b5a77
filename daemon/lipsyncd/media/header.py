"""A header: what a file says of itself, looked at before anything in it is decoded.

libav believes headers, and a kilobyte of them can cost it gigabytes.  So what they state is held
against the limits first: by reading them here, then by libav without any decoder.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import av

from lipsyncd.errors import (
    TooManyStreams,
    TruncatedMedia,
    UnreadableMedia,
)
from lipsyncd.media.advice import CONVERT, SEND_WHOLE
from lipsyncd.media.budget import BudgetedFile, too_much
from lipsyncd.media.caf import stated_bytes, stated_packets
from lipsyncd.media.container import Media, media_in, open_file
from lipsyncd.media.limits import (
    INDEXED,
    OPENING_BYTES,
    STREAMS,
    VIDEO_PIXELS,
    refuse_large,
)
from lipsyncd.media.mp4 import Movie
from lipsyncd.media.signature import image_format
from lipsyncd.media.spooled import Readable

# Containers that state their length; of others (MP3, Ogg) libav only finds out where they end.
STATES_LENGTH = ("mov", "matroska", "avi", "wav", "w64", "aiff", "caf", "au", "flac")
MISSING_SHARE = 0.05  # of the stated length: so much may be missing at the end of a whole file,
MISSING_SECONDS = 0.25  # and in any case so much


def refuse_truncated(media: Media, stream: av.stream.Stream, seconds: float) -> None:
    """Raise TruncatedMedia if the stream ended after `seconds`, well before its stated length."""
    stated = stated_seconds(media, stream)
    if stated - seconds > max(MISSING_SECONDS, MISSING_SHARE * stated):
        raise TruncatedMedia(
            f"{media.name} breaks off after {seconds:.1f} of {stated:.1f} seconds.", SEND_WHOLE
        )


def stated_seconds(media: Media, stream: av.stream.Stream) -> float:
    """The stream's length by its header, its tag, or the container's where no other is in it.

    0 where none is stated.
    """
    if not media.format.startswith(STATES_LENGTH):
        return 0.0
    if stream.duration:
        assert stream.time_base  # what is counted has a unit
        return float(stream.duration * stream.time_base)
    container = media.container
    if tag := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, tag.groups())
        end = 3600 * hours + 60 * minutes + seconds
    else:
        end = (container.duration or 0) / av.time_base if len(container.streams) == 1 else 0.0
    starts = [(container.start_time or 0) / av.time_base]
    if stream.start_time is not None:
        assert stream.time_base
        starts.append(float(stream.start_time * stream.time_base))
    return end - max(starts)


# What writers put into a RIFF size that they cannot know: the most that is, signed or not, a little
# less, or half of that and a header.
UNKNOWN_SIZES = range(0x7FFFF000, 0x80000040), range(0xFFFFFFFF - 64, 1 << 64)


@contextmanager
def open_new(path: Readable, name: str) -> Iterator[Media]:
    """As `open_container`, a spooled file that nobody has looked into yet.

    Raises PictureTooLarge and TooManyStreams as well.
    """
    with open_file(path, name) as file:
        refuse_absurd(file, name)
        if image_format(file) is None:
            with media_in(file, decoding=False) as media:
                refuse_streams(media)
        with media_in(file) as media:
            yield media


def refuse_absurd(file: BudgetedFile, name: str) -> None:
    """Raise what is wrong with a file, as far as its headers tell without libav."""
    size = file.seek(0, os.SEEK_END)
    refuse_short(file, size, name)
    refuse_endless_index(Movie(file, size), size, name)
    refuse_many("packets", stated_packets(file, size), INDEXED, name)


def refuse_short(file: BudgetedFile, size: int, name: str) -> None:
    """Raise TruncatedMedia for a WAV, Wave64, AVI or CAF that ends well before it says.

    libav takes such a file for a whole shorter one.
    """
    stated = stated_riff(file) or stated_bytes(file, size)
    if size < stated * (1 - MISSING_SHARE):
        raise TruncatedMedia(f"{name} breaks off after {size} of {stated} bytes.", SEND_WHOLE)


def stated_riff(file: BudgetedFile) -> int:
    """The size in the first bytes of a WAV, Wave64 or AVI; 0 where they say none."""
    file.seek(0)
    head = file.read(24)
    where = {b"RIFF": slice(4, 8), b"riff": slice(16, 24)}.get(head[:4], slice(0))
    stated = int.from_bytes(head[where], "little")
    return 0 if any(stated in sizes for sizes in UNKNOWN_SIZES) else stated


def refuse_endless_index(movie: Movie, size: int, name: str) -> None:
    """An MP4's tables may state more than there is memory for, in a few bytes."""
    if movie.index_bytes() > OPENING_BYTES:
        raise too_much(name)
    stated = movie.stated()
    if stated.packed:
        raise UnreadableMedia(f"{name} has a compressed index.", CONVERT)
    if stated.overfull:
        raise UnreadableMedia(f"{name} states more in its index than there is in it.", CONVERT)
    refuse_many("samples", stated.shown, INDEXED, name)
    if stated.stored > size:  # none is shorter than a byte
        raise UnreadableMedia(
            f"{name} states {stated.stored} samples in its index, and has {size} bytes.", CONVERT
        )


def refuse_many(what: str, stated: int, most: int, name: str) -> None:
    if stated > most:
        raise UnreadableMedia(
            f"{name} states {stated} {what} in its index; {most} is the limit.", CONVERT
        )


def refuse_streams(media: Media) -> None:
    """More streams than any film has, or larger pictures."""
    streams = media.container.streams
    if len(streams) > STREAMS:
        raise TooManyStreams(
            f"{media.name} has {len(streams)} streams in it; {STREAMS} is the limit.",
            "Keep the stream that is needed, and leave out the others.",
        )
    for stream in streams.video:
        context = stream.codec_context
        if context is not None:
            refuse_large((context.width, context.height), VIDEO_PIXELS, media.name)
