"""The time in which a daemon does not answer, because it restarts most likely: it is waited out."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.session import Notice
from lipsyncd.errors import LipsyncError, ServerUnreachable, SessionsFull

ENDURANCE = 60.0  # seconds without an answer after which we give up; a restart takes a few
SHORTEST_PAUSE = 0.1  # seconds before the first attempt to reach the daemon again
LONGEST_PAUSE = 2.0
AWAY = (ServerUnreachable, SessionsFull)  # errors that may be over at the next attempt

Answer = TypeVar("Answer")


class Outage:
    """The time since the daemon last answered; `notice` hears when it begins."""

    def __init__(self, notice: Notice, deadline: Deadline) -> None:
        self.notice = notice
        self.deadline = deadline
        self.end()

    def end(self) -> None:
        """The daemon has answered."""
        self.given_up_at: float | None = None
        self.pause = SHORTEST_PAUSE

    def endure(self, error: LipsyncError) -> None:
        """Pauses before another attempt, each time longer; at the end raises `error`."""
        if self.given_up_at is None:
            self.given_up_at = time.monotonic() + ENDURANCE
            seconds = math.ceil(self.deadline.capped(ENDURANCE) or 0.0)
            self.notice(f"{error.message} Trying again for up to {seconds} s.")
        if time.monotonic() >= self.given_up_at:
            raise error
        self.deadline.sleep(self.pause)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)


def given_up(error: LipsyncError, hint: str) -> LipsyncError:
    """The error at the end of an outage, and what is to be known then."""
    return type(error)(error.message, f"Gave up after {ENDURANCE:.0f} s. {hint}")


def persistent(ask: Callable[[], Answer], notice: Notice, deadline: Deadline) -> Answer:
    """What the daemon answers, asked again after an outage; so it has to be safe to ask twice."""
    outage = Outage(notice, deadline)
    while True:
        try:
            return ask()
        except AWAY as error:
            outage.endure(error)
