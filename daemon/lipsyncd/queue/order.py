"""The order of the queue: by priority, in turn between users, and for each user as they came.

A long job that has had a turn, while others waited, comes again as the last of its user's.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User

LEVELS = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}
REMEMBERED = 4096  # users: labels are as many as a client likes, and those before are as if new
AGEING_SECONDS = 600  # of waiting lift a job by one level, so that none starves


@dataclass(frozen=True)
class Waiting:
    """What the order has to know of a queued job.

    `queued_at` is when it entered the line, in unix seconds; `sequence` counts acceptances.
    """

    id: str
    user: User
    priority: Priority
    queued_at: float
    sequence: int

    def level(self, now: float) -> int:
        """Its priority as a number, 0 the first, with the time it has waited taken into account."""
        return max(0, LEVELS[self.priority] - int((now - self.queued_at) // AGEING_SECONDS))


class Turns:
    """Whose turn it is: who was served longest ago comes first, and who never was before them."""

    def __init__(self) -> None:
        self._served: dict[User, int] = {}
        self._count = 0

    def serve(self, user: User) -> None:
        """This user's job has been started, or has had its turn."""
        self._count += 1
        self._served.pop(user, None)
        self._served[user] = self._count  # as the last one
        if len(self._served) > REMEMBERED:
            del self._served[next(iter(self._served))]

    def copy(self) -> "Turns":
        """The same, to look ahead with."""
        turns = Turns()
        turns._served, turns._count = dict(self._served), self._count
        return turns

    def of(self, user: User) -> int:
        """When this user was last served, as a number that only grows."""
        return self._served.get(user, 0)


def ranked(waiting: Iterable[Waiting], turns: Turns, now: float) -> list[Waiting]:
    """The jobs by which of them would be started if just one more were."""
    return sorted(
        waiting,
        key=lambda each: (each.level(now), turns.of(each.user), *place(each)),
    )


def place(job: Waiting) -> tuple[float, int]:
    """A job's place among those of its user."""
    return job.queued_at, job.sequence


def in_order(waiting: Iterable[Waiting], turns: Turns, now: float) -> Iterator[Waiting]:
    """The jobs in the order in which they will be started, if none comes and nothing ages."""
    turns = turns.copy()
    levels: dict[int, dict[User, list[Waiting]]] = {}
    for each in sorted(waiting, key=place, reverse=True):
        levels.setdefault(each.level(now), {}).setdefault(each.user, []).append(each)
    for _, users in sorted(levels.items()):
        heads = [(turns.of(user), place(jobs[-1]), user) for user, jobs in users.items()]
        heapq.heapify(heads)
        while heads:
            _, _, user = heapq.heappop(heads)
            yield users[user].pop()
            turns.serve(user)
            if users[user]:
                heapq.heappush(heads, (turns.of(user), place(users[user][-1]), user))
