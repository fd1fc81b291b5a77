"""Retention: what ended jobs leave is kept for a time and within bounds, and then removed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from operator import attrgetter

from lipsyncd.config import LiveConfig
from lipsyncd.config import Retention as Rules
from lipsyncd.errors import JobNotEnded
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.user import User
from lipsyncd.queue.levelling import levelled
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.history import History, Kept
from lipsyncd.system.catalog import JOBS_CLEANED, emit

MINUTE, HOUR = 60.0, 3600.0  # in seconds
MIB = 1 << 20
NEEDED, SPARE = attrgetter("needed"), attrgetter("spare")


def overdue(kept: Sequence[Kept], now: float, rules: Rules) -> list[Kept]:
    """Whose files go, of all jobs that have some; both the longest ended first.

    What is young stays for now, but costs nobody else a file: it is counted as if it went.
    """
    left: dict[User, Sequence[Kept]] = {}
    for user, mine in by_user(kept).items():
        fresh = [each for each in mine if now - each.ended_at < HOUR * rules.max_age_hours]
        left |= within({user: fresh}, rules.max_bytes_per_user, NEEDED)
    left = within(left, rules.max_results, lambda _: 1)
    left = within(left, rules.max_bytes, NEEDED)
    stays = {each.id for mine in left.values() for each in mine}
    return [each for each in kept if each.id not in stays and not is_young(each, now, rules)]


def in_the_way(kept: Sequence[Kept], rules: Rules, room: int) -> list[Kept]:
    """Which jobs lose what they keep beside their results, the longest ended first.

    It takes nothing from results: what those leave of the bounds, and no more than it leaves of the
    disk, which has `room` bytes besides.
    """
    left: dict[User, Sequence[Kept]] = {}
    for user, mine in by_user(kept).items():
        spare = [each for each in mine if each.spare]
        left |= within({user: spare}, rules.max_bytes_per_user - needed(mine), SPARE)
    most = min(rules.max_bytes - needed(kept), (room + sum(map(SPARE, kept))) // 2)
    stays = {each.id for mine in within(left, most, SPARE).values() for each in mine}
    return [each for each in kept if each.spare and each.id not in stays]


def needed(kept: Iterable[Kept]) -> int:
    """What the results take."""
    return sum(map(NEEDED, kept))


def by_user(kept: Iterable[Kept]) -> dict[User, list[Kept]]:
    """What each user has, in the same order."""
    found: dict[User, list[Kept]] = {}
    for each in kept:
        found.setdefault(each.user, []).append(each)
    return found


def within(
    kept: Mapping[User, Sequence[Kept]], most: int, weight: Callable[[Kept], int]
) -> dict[User, Sequence[Kept]]:
    """What each user may keep so that all have no more than `most` together."""
    gone = levelled({user: [weight(each) for each in mine] for user, mine in kept.items()}, most)
    return {user: mine[gone[user] :] for user, mine in kept.items()}


def is_young(kept: Kept, now: float, rules: Rules) -> bool:
    """Its owner has hardly had the time to fetch it."""
    return now - kept.ended_at < MINUTE * rules.grace_minutes


class Retention:
    """Removes files and records of ended jobs: by rule when their time is over, or by order.

    The files always go first, then the record says so. A daemon that dies in between has lost
    nothing but what was to go, and the record still counts those files, so they are removed once
    more. The other way round, files might stay of which no record knows, and those are taken for
    what is left of a lost record.
    """

    def __init__(self, history: History, spool: Spool, live_config: LiveConfig) -> None:
        self._history = history
        self._spool = spool
        self._live_config = live_config

    def apply(self, now: float, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Remove what is due at the unix time `now`; job by job, as long as that may go on."""
        rules = self._live_config.config.retention
        due = takewhile(lambda _: may_go_on(), overdue(self._history.kept(), now, rules))
        gone = [each for each in due if self._spool.discard(each.id)]
        if gone:
            self._history.emptied([each.id for each in gone])
            _tell("files of %d were kept long enough and are removed", gone)
        self.make_room(0, may_go_on)
        if may_go_on() and self._history.records() > rules.max_records:
            self._forget_beyond(rules.max_records)

    def make_room(self, size: int, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Remove what is kept beside results where it is in the way, also of so many bytes that
        are to come.  Raises StorageError."""
        config = self._live_config.config
        room = self._spool.free_bytes() - config.limits.min_free_bytes - size
        found = in_the_way(self._history.kept(), config.retention, room)
        gone = [
            each for each in takewhile(lambda _: may_go_on(), found) if self._spool.spare(each.id)
        ]
        if gone:
            self._history.spared([each.id for each in gone])
            _tell("of %d no stretch can be redone any more, its files gave room", gone, SPARE)

    def _forget_beyond(self, most: int) -> None:
        """Leave so many records, or more: of a user only those that have no files go."""
        ones = {user: [1] * count for user, count in self._history.records_by_user().items()}
        for user, count in levelled(ones, most).items():
            if count:
                self._forget(self._history.oldest_records(user, count))

    def clean(self, jobs: Iterable[Job]) -> tuple[int, int]:
        """Remove all there is of these jobs, whatever their age: how many, and their bytes.

        Raises JobNotEnded if one has not ended, and then all of them stay.
        """
        found = []
        for job in jobs:
            if job.ended_at is None:
                raise JobNotEnded(f"{job}.", "Cancel it, or wait for it.")
            found.append(Kept(job.id, job.user, job.ended_at, self._spool.bytes_of(job.id)))
        forgotten = set(self._forget([each.id for each in found]))
        gone = [each for each in found if each.id in forgotten]
        if gone:
            _tell("%d removed at the request of a user", gone)
        return len(gone), sum(each.bytes for each in gone)

    def _forget(self, jobs: Iterable[str]) -> list[str]:
        """Remove files and records; of which jobs.  Raises StorageError."""
        gone = [job for job in jobs if self._spool.discard(job)]
        self._spool.sync()
        self._history.forget(gone)
        return gone


def _tell(
    text: str, gone: Sequence[Kept], weight: Callable[[Kept], int] = attrgetter("bytes")
) -> None:
    count, size = len(gone), sum(map(weight, gone))
    emit(JOBS_CLEANED, f"jobs: {text}, %.1f MiB", count, size / MIB, JOBS=count, BYTES=size)
