"""What the journal is told of clients that were refused: the flood of one does not go through."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from lipsyncd.errors import AccessDenied, LipsyncError, ProtocolError, QueueFull, UnknownJob
from lipsyncd.server.peer import Peer
from lipsyncd.system.catalog import (
    AUTH_DENIED,
    JOB_REJECTED_QUEUE_FULL,
    PROTOCOL_ERROR,
    Entry,
    emit,
)

log = logging.getLogger(__name__)

PERIOD = 60.0  # seconds
ENTRIES: dict[type[LipsyncError], Entry] = {
    AccessDenied: AUTH_DENIED,
    ProtocolError: PROTOCOL_ERROR,
    QueueFull: JOB_REJECTED_QUEUE_FULL,
}
SUBORDINATES = "subordinate uids"  # one user may have 65536 of them: they share an account
MOST = 20  # entries about one user in that time; systemd lets a service have 10 000 in 30 seconds


@dataclass
class Account:
    """What one user, or a group of them, gave rise to since `begun`."""

    begun: float
    told: int = 0
    untold: int = 0


class Refusals:
    """Tells of refusals, so many for each user in a period; the others it counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}

    def tell(self, peer: Peer, error: LipsyncError, message: str, whose: str = "") -> None:
        """This client met this error; `message` is as much of its words as it was told itself.

        It is counted as one of `whose`, without a name as one of the client's user.
        """
        name = whose or f"uid {peer.uid}"
        is_told, untold = self._entered(name)
        if untold:
            log.warning("sessions of %s: %d more refusals were not told", name, untold)
        if not is_told:
            return None
        # what was taken for a job's id may be a file's name, and those are not told to all who read
        words = error.name if isinstance(error, UnknownJob) else f"{error.name}: {message}"
        text = "session of %s: %s"
        event = _entry_of(error)
        if event is None:
            return log.info(text, peer, words)
        fields: Any = {"PEER_PID": peer.pid, "OWNER_UID": peer.uid, "ERROR": error.name}
        return emit(event, text, peer, words, **fields)

    def _entered(self, name: str) -> tuple[bool, int]:
        """Whether to tell of it, and how many were not told in the period before."""
        now, untold = time.monotonic(), 0
        with self._lock:
            account = self._accounts.get(name)
            if account is None or now - account.begun > PERIOD:
                untold = account.untold if account else 0
                account = self._accounts[name] = Account(now)
            is_told = account.told < MOST
            account.told += is_told
            account.untold += not is_told
        return is_told, untold


def _entry_of(error: LipsyncError) -> Entry | None:
    """What an operator may look for; None for what happens to everybody now and then."""
    return next((event for kind, event in ENTRIES.items() if isinstance(error, kind)), None)
