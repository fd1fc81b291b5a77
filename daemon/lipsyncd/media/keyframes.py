"""Keyframes: where reading of a video can begin, to be at some time soon.

Where recordings may be joined timestamps are no place to seek: each has its own.  So such a file is
looked through once, without decoding, and what is sought then is a byte.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

from lipsyncd.media.container import Media, open_container
from lipsyncd.media.joined import Clock
from lipsyncd.media.spooled import Readable

APART = Fraction(1, 2)  # seconds between two that are remembered, at least
MOST = 50_000  # that are: of 7 hours, and of longer films fewer


@dataclass(frozen=True)
class Keyframe:
    """Its byte, when it is decoded in the stream's time base, and the clock's shift there."""

    byte: int
    due: int
    shift: int


def keyframes_of(path: Readable, media: Media, track: int) -> tuple[tuple[Keyframe, ...], int]:
    """Those of a video whose timestamps are no place to seek, and how many recordings it is."""
    if not may_restart(media):
        return (), 1
    found: list[Keyframe] = []
    with open_container(path, media.name) as again:
        stream, clock = again.video(track), Clock(again.is_live)
        assert stream.time_base  # without one there would be no source
        apart = math.ceil(APART / stream.time_base)
        for packet in again.packets(stream, clock=clock):
            again.renew()
            if not packet.is_keyframe or packet.dts is None or packet.pos is None:
                continue
            if not found or packet.dts >= found[-1].due + apart:
                found.append(Keyframe(packet.pos, packet.dts, clock.shift))
            if len(found) > MOST:
                found, apart = found[::2], 2 * apart
    return tuple(found), 1 + clock.restarts


def seek(media: Media, stream: av.VideoStream, due: int, keyframes: Sequence[Keyframe]) -> Clock:
    """Go to the last keyframe that is decoded by a time; the clock from there on.

    Raises LookupError if there is none, or what libav makes of damage.
    """
    if not may_restart(media):
        media.seek(due, stream)
        return Clock(media.is_live)
    after = bisect_right(keyframes, due, key=lambda each: each.due)
    if not after:
        raise LookupError("there is no keyframe by then")
    place = keyframes[after - 1]
    media.container.seek(place.byte, stream=stream, unsupported_byte_offset=True)
    return Clock(media.is_live, place.shift)


def may_restart(media: Media) -> bool:
    """Whether its format is one in which recordings follow each other: joined with `cat`, chained,
    or taken up again by a server."""
    return media.is_live or media.format in ("ogg", "flv")
