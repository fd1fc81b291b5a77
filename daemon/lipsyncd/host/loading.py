"""What is told while models are loaded: every word of it means that something moved."""

import logging
import time

from lipsyncd.host.notify import Notifier
from lipsyncd.host.status import Condition, Status

log = logging.getLogger(__name__)

PATIENCE = 20.0  # seconds until the next word is due; systemd gives up a start that is silent
PAUSE = 0.25  # seconds between two requests for more time
LINE_PAUSE = 1.0  # seconds between two lines of the log


class Loading:
    """Takes the words of a load that moves, and asks systemd for more time each time."""

    def __init__(self, status: Status, condition: Condition, notifier: Notifier) -> None:
        self._status = status
        self._condition = condition
        self._notifier = notifier
        self._extended_at = self._logged_at = -float("inf")

    def __call__(self, detail: str) -> None:
        """Something moved; `detail` says what is being done."""
        self._status.enter(self._condition, detail)
        now = time.monotonic()
        if now - self._extended_at >= PAUSE:
            self._notifier.extend_timeout(PATIENCE)
            self._extended_at = now
        if now - self._logged_at >= LINE_PAUSE:
            log.info("%s: %s", self._condition, detail)
            self._logged_at = now
