"""What the folder of a job holds, and which of it has a use in each state of the job."""

from lipsyncd.protocol.options import MAX_VOICES
from lipsyncd.protocol.state import State

NUMBERS = ("", *map(str, range(2, 1 + MAX_VOICES)))
VOICES, PICTURES = (tuple(f"{kind}{each}" for each in NUMBERS) for kind in ("voice", "picture"))
INPUTS = ("face", *VOICES, *PICTURES)
RESULT = "result"
WORK = "work"  # what a render has finished so far
EARLIER = "earlier"  # the work of the job of which a stretch is redone
SPARE = (*INPUTS, WORK)  # of a job that has succeeded: what a redo of a stretch needs
KEPT = {  # files that still have a use, by the state of their job; others may go
    State.QUEUED: (*INPUTS, EARLIER, WORK),
    State.RUNNING: (*INPUTS, EARLIER, WORK),
    State.SUCCEEDED: (RESULT, *SPARE),
    State.FAILED: (*INPUTS, EARLIER),  # for a retry
    State.QUARANTINED: INPUTS,
    State.CANCELLED: (*INPUTS, EARLIER),
    State.EXPIRED: (*INPUTS, EARLIER),
}


def names_of(voices: int, pictures: int) -> tuple[str, ...]:
    """The files of a job's inputs, in the order in which they come."""
    return ("face", *VOICES[:voices], *PICTURES[:pictures])


def kind_of(name: str) -> str:
    """What such a file is, for messages."""
    return name.rstrip("23")
