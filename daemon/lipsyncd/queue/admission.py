"""The admission: what a job has to pass before it is accepted, and the bounds it counts against."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lipsyncd.config import LiveConfig
from lipsyncd.errors import InputGone, JobNotEnded, NoResult, NotRetryable, QueueFull
from lipsyncd.protocol.job import Job, refuse_other
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.redo import Redo
from lipsyncd.protocol.state import ENDED, State
from lipsyncd.protocol.terms import Terms
from lipsyncd.protocol.user import User
from lipsyncd.queue.contents import EARLIER, WORK
from lipsyncd.queue.retention import Retention
from lipsyncd.queue.scheduler import Scheduler
from lipsyncd.queue.snapshot import Inputs
from lipsyncd.queue.spool import Spool
from lipsyncd.queue.store.jobs import Store
from lipsyncd.queue.store.usage import Files
from lipsyncd.queue.transitions import new_job
from lipsyncd.system.clock import now

RETRYABLE = ENDED - {State.SUCCEEDED}
SOON = 1.0  # seconds after which to try again, at least
PARTS = 2  # into so many the room on the disk is divided, and one user's files take one at most
MINUTE = 60.0  # in seconds

WAIT = "Wait until some of your jobs have ended."
CLEAN = "Fetch what you need, then make room with `lipsyncctl clean --all`."
LESS = "Submit smaller files, or ask the operator for a larger disk."


@dataclass(frozen=True)
class Claim:
    """What is taken of the bounds: by a user's jobs, or by one that is being copied."""

    user: User
    bytes: int
    jobs: int = 1


class Admission:
    """Lets jobs in: within the bounds, copied, and on disk for good.

    Room is claimed before anything is copied, so however many come at once, no bound is passed.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        scheduler: Scheduler,
        retention: Retention,
        live_config: LiveConfig,
    ) -> None:
        self._store = store
        self._spool = spool
        self._scheduler = scheduler
        self._retention = retention
        self._live_config = live_config
        self._lock = threading.Lock()
        self._claims: list[Claim] = []

    def submit(self, job: Job, inputs: Inputs, *, has_work: bool = False) -> Job:
        """Accept a job with its inputs, of which the last may be work that was done of it before;
        or give the one with its key.

        Raises QueueFull, QueueDraining, KeyTaken, InputError, StorageError, InternalError; then
        nothing is left of it.
        """
        known = job.key and self._store.by_key(job.user, job.key)
        if known:
            return refuse_other(known, job)
        how: Any = {"pictures": job.options.pictures, "has_work": has_work}
        size = self._spool.size_of(inputs, **how)
        with self._claimed(Claim(job.user, size), size) as claim:
            spooled = self._spool.admit(job.id, inputs, **how)
            if spooled > size:
                self._spool.discard(job.id)
                raise InputGone("The files grew while they were copied.", "Submit them again.")
            return self._enqueued(replace(job, spool_bytes=spooled), claim)

    @contextmanager
    def room(self, user: User, inputs: Inputs, pictures: int = 0) -> Iterator[None]:
        """Room for copies of the inputs, for no job, until the end of the block; the last ones are
        pictures of people.

        Raises QueueFull, QueueDraining, DiskFull, InputError, InternalError.
        """
        size = self._spool.size_of(inputs, pictures)
        with self._claimed(Claim(user, size, jobs=0), size):
            yield

    def retry(self, failed: Job) -> Job:
        """Accept a new job with the inputs and the options of one that has no result."""
        if failed.state not in RETRYABLE:
            raise NotRetryable(
                f"{failed}, and only jobs that have ended without a result can be retried.",
                "Submit it anew if you want another.",
            )
        again = repeated(failed, failed.options)
        again = replace(again, retry_of=failed.id, redo_of=failed.redo_of)
        return self._linked(failed, again, EARLIER if failed.redo_of else "")

    def redo(self, done: Job, redo: Redo) -> Job:
        """Accept a new job that makes a stretch of the result of another one anew.

        Raises JobNotEnded, NoResult, InvalidRequest, and what `submit` does.
        """
        if not done.is_ended:
            raise JobNotEnded(f"{done}.", "Wait for it first.")
        if done.state is not State.SUCCEEDED:
            raise NoResult(
                f"{done}, so there is no result of which to redo a part.",
                f"Repeat all of it: `lipsyncctl retry {done.id}`.",
            )
        again = repeated(done, redo.applied(done.options))
        return self._linked(done, replace(again, redo_of=done.id), WORK)

    def _linked(self, old: Job, new: Job, earlier: str) -> Job:
        """The new job in the queue, with the files of the old one."""
        options = new.options
        size = old.spool_bytes - (old.result_bytes or 0)
        with self._claimed(Claim(old.user, size)) as claim:
            counts = len(options.places), options.pictures
            spooled = self._spool.link(old.id, new.id, *counts, earlier=earlier)
            return self._enqueued(replace(new, spool_bytes=spooled), claim)

    @contextmanager
    def _claimed(self, claim: Claim, copied: int = 0) -> Iterator[Claim]:
        """Room for a job in the queue and in the spool, until it is accepted.

        `copied` is what it takes on the disk.  Raises QueueFull, DiskFull.
        """
        self._scheduler.check_open()
        with self._lock:
            self._refuse_beyond(claim)
            taken = copied + sum(each.bytes for each in self._claims)
            self._retention.make_room(taken)
            self._scheduler.pause.refuse_little_room(taken)
            self._refuse_large_share(claim.user, copied)
            self._claims.append(claim)
        try:
            yield claim
        finally:
            with self._lock:
                self._release(claim)

    def _release(self, claim: Claim) -> None:
        """The claim counts no more; the job itself does now, if it was accepted."""
        self._claims = [each for each in self._claims if each is not claim]

    def _enqueued(self, job: Job, claim: Claim) -> Job:
        """The job in the queue; of one that is not accepted no file stays."""
        try:
            with self._lock:
                accepted = self._scheduler.enqueue(job)
                self._release(claim)
        except BaseException:
            self._spool.discard(job.id)
            raise
        if accepted.id != job.id:  # the same key came in twice at the same moment
            self._spool.discard(job.id)
        return accepted

    def _refuse_beyond(self, claim: Claim) -> None:
        """Raise QueueFull if one of the bounds would be passed."""
        limits, user = self._live_config.config.limits, claim.user
        claims = [*self._taken(), *self._claims, claim]
        mine = [each for each in claims if each.user == user]
        theirs = [each for each in claims if each.user.uid == user.uid]
        for taken, most_jobs, most_bytes, scope in (
            (mine, limits.max_jobs_per_user, limits.max_input_bytes_per_user, "of one user"),
            (theirs, limits.max_jobs_per_uid, limits.max_input_bytes_per_uid, "of one uid"),
            (claims, limits.max_jobs, limits.max_input_bytes, "in all"),
        ):
            jobs, size = sum(each.jobs for each in taken), sum(each.bytes for each in taken)
            if jobs > most_jobs:
                words = f"The queue is full: at most {most_jobs} jobs {scope} may wait."
                raise self._full(words, taken)
            if size > most_bytes:
                words = f"the inputs of jobs {scope} may take {most_bytes} bytes"
                raise self._full(f"The spool is full: {words}, and would take {size}.", taken)

    def _taken(self) -> Iterator[Claim]:
        """What the accepted jobs take, user by user."""
        for user, usage in self._store.usage().items():
            yield Claim(user, usage.bytes, usage.queued)

    def _full(self, words: str, taken: Iterable[Claim]) -> QueueFull:
        """The error, with the time until one of those that are taken may be free."""
        start = self._scheduler.positions.next_start({each.user for each in taken if each.jobs})
        return later(QueueFull(words, WAIT), start or 0.0)

    def _refuse_large_share(self, user: User, copied: int) -> None:
        """Raise QueueFull if this user's files take, or would take, too much of the disk.

        `copied` is what comes to them. Whatever the figures of the operator, the others have room:
        other uids, and of a uid that has labels the other ones.
        """
        config, files = self._live_config.config, self._store.files()
        most, kept = config.retention.max_bytes_per_user, files.get(user, Files()).kept
        if kept > most:
            words = f"what ended jobs of one user leave may take {most} bytes, and takes {kept}"
            raise later(QueueFull(f"The spool is full: {words}.", CLEAN), self._grace_left(user))
        room = self._spool.free_bytes() - config.limits.min_free_bytes
        part = (room + sum(each.unshared for each in files.values())) // PARTS
        users = {user, *files, *(each.user for each in self._claims)}
        theirs = {each: files.get(each, Files()) for each in users if each.uid == user.uid}
        if user.label:
            self._refuse_more({user: theirs[user]}, copied, part // PARTS)
        self._refuse_more(theirs, copied, part)

    def _refuse_more(self, files: Mapping[User, Files], copied: int, most: int) -> None:
        """Raise QueueFull if the files of these users, who share a uid, would take more."""
        claimed = sum(each.bytes for each in self._claims if each.user in files)
        taken = claimed + sum(each.all for each in files.values())
        if taken + copied <= most:
            return
        whose = "one user" if len(files) == 1 else "one uid"
        words = f"the files of {whose} may take {most} bytes of the disk, and would take"
        error = QueueFull(f"The spool is full: {words} {taken + copied}.", CLEAN)
        if not any(each.kept for each in files.values()):
            error.hint = WAIT if taken else LESS
        raise later(error, self._scheduler.positions.next_start(files) if taken else None)

    def _grace_left(self, user: User) -> float:
        """The seconds until the first of this user's kept files may go."""
        first = self._store.first_kept(user)
        grace = MINUTE * self._live_config.config.retention.grace_minutes
        return 0.0 if first is None else first + grace - now()


def repeated(job: Job, options: Options) -> Job:
    """A new job with the files, the priority, the time and the label of another one."""
    label = job.label or None
    terms = Terms(priority=job.priority, max_runtime=job.max_runtime, label=label)
    return new_job(job.owner, job.face, job.voice, options, terms)


def later(error: QueueFull, seconds: float | None) -> QueueFull:
    """The error, with the time until there may be room, if anybody knows that."""
    error.retry_after_ms = None if seconds is None else round(1000 * max(SOON, seconds))
    return error
