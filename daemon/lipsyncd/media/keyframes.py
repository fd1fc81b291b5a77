"""Keyframes: where reading of a video can begin, to be at some time soon.

Where recordings may be joined timestamps are no place to seek: each has its own.  So such a file is
looked through once, without decoding, and what is sought then is a byte.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import av

from lipsyncd.media.container import Media, open_container
from lipsyncd.media.joined import Clock
from lipsyncd.media.spooled import Readable


@dataclass(frozen=True)
class Keyframe:
    """Its byte, when it is decoded in the stream's time base, and the clock's shift there."""

    byte: int
    due: int
    shift: int


def keyframes_in(path: Readable, name: str, track: int) -> tuple[tuple[Keyframe, ...], int]:
    """Those of a video whose timestamps are no place to seek, and how many recordings it is."""
    with open_container(path, name) as media:
        if not may_restart(media):
            return (), 1
        stream, clock, found = media.video(track), Clock(media.is_live), []
        for packet in media.packets(stream, clock):
            media.renew()
            if packet.is_keyframe and packet.dts is not None and packet.pos is not None:
                found.append(Keyframe(packet.pos, packet.dts, clock.shift))
        return tuple(found), 1 + clock.restarts


def seek(media: Media, stream: av.VideoStream, due: int, keyframes: Sequence[Keyframe]) -> Clock:
    """Go to the last keyframe that is decoded by a time; the clock from there on.

    Raises LookupError if there is none, or what libav makes of damage.
    """
    if not may_restart(media):
        media.container.seek(due, stream=stream)
        return Clock(media.is_live)
    after = bisect_right(keyframes, due, key=lambda each: each.due)
    if not after:
        raise LookupError("there is no keyframe by then")
    place = keyframes[after - 1]
    media.container.seek(place.byte, stream=stream, unsupported_byte_offset=True)
    return Clock(media.is_live, place.shift)


def may_restart(media: Media) -> bool:
    """Whether its format is one in which recordings are joined; a stream to a server that was taken
    up again is an FLV."""
    return media.is_live or media.format == "flv"
