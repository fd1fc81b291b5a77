"""The states of a job, and which may follow which."""

from enum import StrEnum


class State(StrEnum):
    """Where a job is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"  # by an earlier version, over which the job had crashed


ENDED = frozenset(
    {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED, State.QUARANTINED}
)

PHRASES = {
    State.QUEUED: "is queued",
    State.RUNNING: "is running",
    State.SUCCEEDED: "has succeeded",
    State.FAILED: "has failed",
    State.CANCELLED: "was cancelled",
    State.EXPIRED: "has expired",
    State.QUARANTINED: "was quarantined",
}

NEXT: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED, State.EXPIRED}),
    # back to the queue when the daemon stops or dies
    State.RUNNING: ENDED - {State.QUARANTINED} | {State.QUEUED},
} | {state: frozenset() for state in ENDED}
