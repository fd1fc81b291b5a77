"""A clock: one for all recordings that a file was joined from, each of which has its own.

Joined with `cat`, as those of televisions and camcorders are, they begin anew in the middle.  What
comes then is due when what comes before has ended.
"""

from fractions import Fraction

import av

BACK = Fraction(1, 10)  # seconds: what is earlier by more than a packet may be, as ffmpeg has it,
AHEAD = Fraction(60)  # or later than any hole is long, is of another recording


class Clock:
    """Sets the timestamps of a stream's packets, in the order in which they come.

    `shift` is how much was added to the last, in the stream's time base; `restarts` is how often
    another recording began.
    """

    def __init__(self, is_live: bool, shift: int = 0) -> None:
        """`is_live`: timestamps may jump ahead as well."""
        self.shift = shift
        self.restarts = 0
        self._is_live = is_live
        self._end: int | None = None  # of the packet before

    def set(self, packet: av.Packet) -> None:
        """Move one packet in time."""
        if packet.dts is None:
            return
        if self._end is not None and self._is_other(
            (packet.dts + self.shift - self._end) * packet.time_base
        ):
            self.shift = self._end - packet.dts
            self.restarts += 1
        if self.shift:
            packet.dts += self.shift
            packet.pts = None if packet.pts is None else packet.pts + self.shift
        self._end = packet.dts + (packet.duration or 0)

    def _is_other(self, later: Fraction) -> bool:
        return later < -BACK or (self._is_live and later > AHEAD)


def note_of(name: str, recordings: int) -> tuple[str, ...]:
    """What is said of a file that was joined."""
    if recordings == 1:
        return ()
    return (f"{name} is {recordings} recordings, joined; each begins where that before it ends.",)
