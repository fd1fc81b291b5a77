"""A length: what a file states of it, and whether all of that came."""

import re

import av

from lipsyncd.errors import TruncatedMedia
from lipsyncd.media.container import SEND_WHOLE, Media

# Containers that state their length; of others (MP3, raw streams) libav only guesses it.
STATES_LENGTH = ("mov", "matroska", "avi", "wav", "flac", "ogg")
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
        return float(stream.duration * stream.time_base)
    container = media.container
    if tag := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(float, tag.groups())
        stated = 3600 * hours + 60 * minutes + seconds
    else:
        stated = (container.duration or 0) / av.time_base if len(container.streams) == 1 else 0.0
    return stated - (container.start_time or 0) / av.time_base
