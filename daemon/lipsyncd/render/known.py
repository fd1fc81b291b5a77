"""What is known of a face and voices, as a record of the work: what they are, and the plan."""

from collections.abc import Sequence

import msgpack

from lipsyncd.errors import InvalidRequest
from lipsyncd.media.spooled import Readable
from lipsyncd.media.voice import Voice
from lipsyncd.render.plan import Plan
from lipsyncd.render.work import Kind, Work

DAMAGED = ValueError, TypeError, KeyError, msgpack.UnpackException


def known_in(work: Work, files: Sequence[Readable]) -> tuple[list[Voice], Plan] | None:
    """The voices, which these files are, and the plan; None if nobody has looked at them yet.

    Raises InvalidRequest for a record that no render has written: work may come from a client.
    """
    if (record := work.of(Kind.PLAN).get(0)) is None:
        return None
    try:
        stored = msgpack.unpackb(work.read(record))
        pairs = zip(files, stored["voices"], strict=True)
        voices = [Voice.from_map(file, voice) for file, voice in pairs]
        return voices, Plan.from_map(stored["plan"])
    except DAMAGED as error:
        raise InvalidRequest("The work is damaged.", "Leave it out: it is made again.") from error


def keep(work: Work, voices: Sequence[Voice], plan: Plan, seconds: float) -> None:
    """They are known from now on; it took so long.  Raises OSError."""
    stored = {
        "plan": plan.as_map(),
        "voices": [voice.as_map() for voice in voices],
        "seconds": seconds,
    }
    with work.added(Kind.PLAN) as file:
        file.write(msgpack.packb(stored))
