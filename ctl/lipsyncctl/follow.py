"""Following a job to its end, through restarts of the daemon."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lipsyncctl.client import open_client
from lipsyncd.errors import LipsyncError, ServerUnreachable, SessionsFull

ENDURANCE = 60.0  # seconds without an answer after which we give up; a restart takes a few
SHORTEST_PAUSE = 0.1  # seconds before the first attempt to reach the daemon again
LONGEST_PAUSE = 2.0


def follow(address: Path, job: str, remark: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """What the daemon tells of a job: each time that it changes, at last that it has ended.

    `remark` hears of a daemon that went away. Raises ServerUnreachable if it stays away.
    """
    outage = Outage(remark)
    while True:
        try:
            with open_client(address) as client:
                for message in client.wait(job):
                    outage = Outage(remark)
                    yield message.body
            return
        except (ServerUnreachable, SessionsFull) as error:
            outage.endure(error)


class Outage:
    """The time since the daemon last answered."""

    def __init__(self, remark: Callable[[str], None]) -> None:
        self.remark = remark
        self.deadline: float | None = None
        self.pause = SHORTEST_PAUSE

    def endure(self, error: LipsyncError) -> None:
        """Pauses before another attempt, each time longer; at the end raises `error`."""
        if self.deadline is None:
            self.deadline = time.monotonic() + ENDURANCE
            self.remark(f"{error.message} Waiting up to {ENDURANCE:.0f} s for it to come back.")
        if time.monotonic() >= self.deadline:
            raise error
        time.sleep(self.pause)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
