"""The clock, and whether somebody set it: a second one tells, which nobody can set."""

import time
from dataclasses import dataclass
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TOLERANCE = 2.0  # seconds; smaller steps add up until they are more
CLOSE = 0.1  # seconds between the readings of two clocks that belong together
STALE = 3600.0  # seconds after which a note is written anew


@dataclass(frozen=True)
class Moment:
    """One moment by two clocks: `wall` in unix seconds, `up` in seconds since the boot `boot`.

    `up` counts on while the machine sleeps, so `wall - up` changes only when the clock is set.
    """

    wall: float
    up: float
    boot: str

    def jump(self, noted: str | None) -> tuple[float, str]:
        """The seconds by which the clock was set since the moment noted, and what to note now.

        Noted is what an earlier call said, if there was one. How long a machine was off nobody
        knows: after a boot that is 0, unless the clock went backward meanwhile.
        """
        try:
            boot, began, wall = _read(noted)
        except ValueError:
            return 0.0, self._note(self.wall - self.up)
        is_same = boot == self.boot
        seconds = self.wall - self.up - began if is_same else min(0.0, self.wall - wall)
        if abs(seconds) > TOLERANCE:
            return seconds, self._note(self.wall - self.up)
        if is_same and self.wall - wall < STALE:
            return 0.0, str(noted)
        return 0.0, self._note(began if is_same else self.wall - self.up)

    def _note(self, began: float) -> str:
        """`began` is when the machine was booted, by the clock as it is set now."""
        return f"{self.boot} {began:.3f} {self.wall:.3f}"


class _Steady:
    """The time that jobs are told by."""

    began = 0.0  # when the machine was booted, in unix seconds


def now() -> float:
    """Unix seconds by a clock that goes on steadily, however the wall clock is set.

    Until `adopt` is called with what it was set to, and all that is known is moved along.
    """
    return _up() + _Steady.began


def adopt(moment: Moment) -> None:
    """From now on tell the time as the wall clock did at this moment."""
    _Steady.began = moment.wall - moment.up


def this_moment() -> Moment:
    """Now.  A thread that is held up between two readings, or stopped, reads once more."""
    boot = BOOT_ID.read_text().strip()
    while True:
        before, wall, after = _up(), time.time(), _up()
        if after - before < CLOSE:
            return Moment(wall, before, boot)


def _up() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _read(noted: str | None) -> tuple[str, float, float]:
    boot, began, wall = (noted or "").split()
    return boot, float(began), float(wall)


adopt(this_moment())
