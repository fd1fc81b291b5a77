"""The time in which a call has to be over, whatever it is waiting for."""

import math
import time


class TimeIsUp(TimeoutError):
    """The call did not come to its end in the time that it was given."""


class Deadline:
    """So many seconds from now; None: never."""

    def __init__(self, seconds: float | None = None) -> None:
        self._at = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """The seconds that are left, 0 if none are; None if there is no end."""
        return None if self._at == math.inf else max(self._at - time.monotonic(), 0.0)

    def capped(self, seconds: float | None) -> float | None:
        """A timeout of so many seconds (None: without end), or of those that are left."""
        bounds = [each for each in (seconds, self.left) if each is not None]
        return min(bounds, default=None)

    def check(self) -> None:
        """Raise TimeIsUp if nothing is left."""
        if self.left == 0:
            raise TimeIsUp("The time is up.")

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long; TimeIsUp if it ends before that."""
        time.sleep(self.capped(seconds) or 0.0)
        self.check()
