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
        self._due: int | None = None  # the packet before,
        self._end = 0  # and its end
        self._lasts = 0  # a packet, where it does not say so

    def set(self, packet: av.Packet) -> None:
        """Move one packet in time."""
        if packet.dts is None:
            return
        due, base = packet.dts + self.shift, packet.time_base
        if self._due is not None and self._is_other(due, base):
            due = self._end
            self.shift = due - packet.dts
            self.restarts += 1
        if self.shift:
            packet.pts = None if packet.pts is None else packet.pts + self.shift
            packet.dts = due
        step = 0 if self._due is None else due - self._due
        self._lasts = step if 0 < step * base <= BACK else self._lasts
        self._due, self._end = due, due + (packet.duration or self._lasts)

    def _is_other(self, due: int, base: Fraction) -> bool:
        assert self._due is not None
        is_back = (self._due - due) * base > BACK
        return is_back or (self._is_live and (due - self._end) * base > AHEAD)


def note_of(name: str, recordings: int) -> tuple[str, ...]:
    """What is said of a file that was joined."""
    if recordings == 1:
        return ()
    return (f"{name} is {recordings} recordings, joined; each begins where that before it ends.",)
