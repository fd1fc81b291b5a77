"""Groups of pictures: pieces of a part whose packets can be decoded by themselves."""

from collections.abc import Iterable

import av


def begins_of(packets: Iterable[av.Packet]) -> list[int]:
    """The packets of a part with which a group begins, and at last how many there are.

    The same numbers are those of frames: before a group come all frames that are shown before it.
    """
    begins, count, latest = [], 0, -1
    for packet in packets:
        if packet.is_keyframe and latest < count == packet.pts:
            begins.append(count)
        assert packet.pts is not None  # a part's packets all have times
        latest = max(latest, packet.pts)
        count += 1
    return [*begins, count]


def around(frames: range, begins: list[int]) -> range:
    """Whole groups in which these frames of a part are."""
    start = max(each for each in begins if each <= frames.start)
    return range(start, min(each for each in begins if each >= frames.stop))
