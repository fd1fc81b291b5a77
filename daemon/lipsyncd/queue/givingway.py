"""Giving way: which render ends its turn between two of its parts, so that another job begins."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lipsyncd.config import Render
from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User
from lipsyncd.queue.order import LEVELS, Waiting


@dataclass(frozen=True)
class Turn:
    """A job that is being rendered, and for how many seconds since it was begun or went on."""

    id: str
    user: User
    priority: Priority
    seconds: float

    @property
    def level(self) -> int:
        """Its priority as a number, 0 the first."""
        return LEVELS[self.priority]


def giving_way(
    waiting: Sequence[Waiting], turns: Sequence[Turn], rules: Render, now: float
) -> str | None:
    """The job that is to give way to the first of those waiting to which one has to; or None.

    After its `turn_seconds` a job gives way to one of a higher priority; and of its own priority to
    one of the same user, or of a user who has fewer renders.
    """
    held = Counter(turn.user for turn in turns)

    def gives_way(turn: Turn, job: Waiting) -> bool:
        if turn.user != job.user and held[job.user] >= rules.max_active_per_user:
            return False  # it could not begin then
        is_fair = turn.user == job.user or held[turn.user] > held[job.user]
        level = job.level(now)
        return turn.level > level or (turn.level == level and is_fair)

    long = [turn for turn in turns if turn.seconds >= rules.turn_seconds]
    for job in waiting:
        if those := [turn for turn in long if gives_way(turn, job)]:
            return max(those, key=lambda turn: (turn.level, held[turn.user], turn.seconds)).id
    return None
