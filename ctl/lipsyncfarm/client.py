"""FarmClient: jobs of a farm, with the methods that lipsyncctl's Client has for a daemon's."""

import builtins
import os
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Never

from celery import Celery

from lipsyncctl import Client, Event, Job
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.fetch import Destination, Outlet, Place
from lipsyncctl.client.list import Which
from lipsyncctl.client.outage import persistent
from lipsyncctl.client.preflight import voices_of
from lipsyncctl.client.session import Notice
from lipsyncctl.client.submit import Media, OpenFile, Source
from lipsyncctl.client.told import Answer, Columns, by_field, given
from lipsyncctl.client.wait import OnProgress
from lipsyncd.errors import InvalidRequest, JobEnded, NotRetryable, UnknownJob
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.state import ENDED, State
from lipsyncfarm import broker, tickets
from lipsyncfarm.config import find_farm
from lipsyncfarm.events import Changes
from lipsyncfarm.hosts import health_of, hosts_of
from lipsyncfarm.record import Fields, Record
from lipsyncfarm.results import receive
from lipsyncfarm.spec import Spec
from lipsyncfarm.store import MediaStore
from lipsyncfarm.submission import accepted, again, spec_of
from lipsyncfarm.views import job_of, phrase_of

PAUSE = 0.3  # seconds between two looks at a job


class FarmClient(Client):
    """A farm, from a program: `FarmClient("studio")`, with the methods of Client.

    What is asked of a single daemon (`drain`, `probe`, ...) is an InvalidRequest here.  Failures of
    Redis and of the store are told like those of a daemon: ServerUnreachable, AccessDenied,
    DiskFull, StoreFailed.  Whoever has the hosts' key may hand in jobs for any `user`.
    """

    def __init__(
        self, name: str, on_notice: Notice = lambda _: None, *, user: str | None = None
    ) -> None:
        super().__init__(None, on_notice)
        self._name = name
        self.farm = find_farm(name)
        if user is not None:
            self.farm = replace(self.farm, user=user)
        self._record = Record(self.farm, broker.connect(self.farm))
        self._is_closed = False

    def close(self) -> None:
        """End each `follow` that is under way, within two seconds."""
        self._is_closed = True

    def submit(
        self,
        face: Source,
        voice: Source | Sequence[Source],
        *,
        pictures: Sequence[Source] = (),
        work: Source | None = None,
        key: str | None = None,
        priority: str | None = None,
        expires: float | None = None,
        max_runtime: float | None = None,
        label: str | None = None,
        after: str | None = None,
        **options: Any,
    ) -> Job:
        """Hand in a job; on return its files are in the store, and its record in Redis."""
        refuse_label(label)
        if after is not None:
            raise InvalidRequest("Jobs of a farm come after no others.", "Omit --after.")
        when = {"priority": priority, "expires": expires, "max_runtime": max_runtime}
        chosen = given({name_of(field): value for field, value in options.items()})
        media = Media(face, voices_of(voice), pictures, work)
        spec = spec_of(self.farm, self._store, media, chosen, given({"key": key, **when}))
        return self._accepted(spec)

    def status(self, job: str) -> Job:
        """A job as it is now."""
        id, fields = self._found(job)
        return job_of(self.farm, "described", id, fields, seq=int(fields["seq"]))

    def list(
        self,
        limit: int | None = None,
        state: str | Collection[str] | None = None,
        *,
        label: str | None = None,
        mine: bool = False,
        since: float = 0.0,
    ) -> "list[Job]":
        """The newest jobs, the newest last: the user's own, for admins everybody's."""
        refuse_label(label)
        user = None if self._is_admin and not mine else self.farm.user
        which = Which([state] if isinstance(state, str) else state, since=since)
        found = self._record.newest(user, limit if which.are_all() else None)
        wanted = [*filter(which.has, (job_of(self.farm, "listed", *each) for each in found))]
        return wanted if limit is None else wanted[-limit:]

    def columns(self, fields: Sequence[str], *which: Any, **chosen: Any) -> Columns:
        """Some fields of the jobs that `list` gives, by field."""
        return by_field(self.list(*which, **chosen), fields)

    def wait(
        self, job: str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Job:
        """The job once it has ended; TimeIsUp after `timeout` seconds."""
        deadline, shown = Deadline(timeout), None
        while True:
            id, fields = persistent(self._looking(job), self.on_notice, deadline)
            if fields["state"] in ENDED:
                return job_of(self.farm, "finished", id, fields)
            if on_progress and fields != shown:
                on_progress(job_of(self.farm, "progressed", id, fields))
            shown = fields
            deadline.sleep(PAUSE)

    def wait_any(self, jobs: Sequence[str], timeout: float | None = None) -> Job:
        """The first of several jobs to end."""
        deadline = Deadline(timeout)

        def look() -> "list[Job]":
            return [self.status(job) for job in jobs]

        while True:
            found = persistent(look, self.on_notice, deadline)
            if ended := [each for each in found if each.is_ended]:
                return min(ended, key=lambda each: each["ended_at"])
            deadline.sleep(PAUSE)

    def follow(self, since: int | None = None, jobs: Iterable[str] = ()) -> Iterator[Event]:
        """Each change of a job's state, once and in order."""
        found = [persistent(self._looking(job), self.on_notice, Deadline()) for job in jobs]
        user = None if self._is_admin else self.farm.user
        return Changes(self._record, user, lambda: self._is_closed, self.on_notice).of(found, since)

    def fetch(
        self,
        job: str,
        to: str | os.PathLike[str] | OpenFile | Place,
        *,
        timeout: float | None = None,
        survive_restart: bool = False,
    ) -> Job:
        """Write a result to `to`: whole, durable, or not at all."""
        place = to if isinstance(to, Destination | Outlet) else self.destination(to)

        def once() -> Job:
            id, fields = self._found(job)
            size = receive(self._store, id, fields, place)
            return job_of(self.farm, "fetched", id, fields, size=size)

        return persistent(once, self.on_notice, Deadline(timeout)) if survive_restart else once()

    def cancel(self, job: str) -> Job:
        """Stop a job; on return it has ended, and leaves no result."""
        id, _ = self._found(job)
        said = self._record.cancel(id, "" if self._is_admin else self.farm.user)
        ended = self.wait(id)
        if said == "ended" or ended.state != "cancelled":
            words = f"{phrase_of(id, ended.state)} before it could be cancelled."
            raise JobEnded(words, "There is nothing left to cancel.")
        return Job(ended.message | {"verb": "cancelled"})

    def retry(
        self, job: str, redo: tuple[float, float | None] | None = None, **options: Any
    ) -> Job:
        """A new job from the inputs of one that ended without a result; no stretch of one."""
        if redo or options:
            raise InvalidRequest("A farm repeats whole jobs only.", "Leave out --redo.")
        id, fields = self._found(job)
        if fields["state"] not in ENDED - {State.SUCCEEDED}:
            words = phrase_of(id, fields["state"])
            words += ", and only jobs that have ended without a result can be retried."
            raise NotRetryable(words, "Submit it anew if you want another.")
        spec = Spec.loads(fields["spec"])
        if spec.user != self.farm.user:
            raise InvalidRequest(f"Job {id} is {spec.user}'s, who alone can sign it.", "Ask them.")
        return self._accepted(again(self._store, id, spec))

    def health(self) -> Answer:
        """The hosts as if they were one daemon: ready if one of them is."""
        return health_of(self._record)

    def hosts(self) -> "builtins.list[Answer]":
        """Each host that the farm has seen, as `hosts_of` tells of it."""
        return hosts_of(self._record)

    def others(self) -> "builtins.list[str]":
        """None: daemons of this system are none of the farm's business."""
        return []

    @cached_property
    def _store(self) -> MediaStore:
        return MediaStore(self.farm)

    @cached_property
    def _app(self) -> Celery:
        return tickets.app_of(self.farm)

    @property
    def _is_admin(self) -> bool:
        return self.farm.user in self.farm.admins

    def _accepted(self, spec: Spec) -> Job:
        id = accepted(self._record, self._app, spec, self.on_notice)
        return job_of(self.farm, "accepted", *self._found(id))

    def _looking(self, job: str) -> Callable[[], tuple[str, Fields]]:
        return lambda: self._found(job)

    def _found(self, job: str) -> tuple[str, Fields]:
        """The id that is meant, and its record.  Raises UnknownJob, also for jobs that are not the
        user's."""
        command = shlex.join(["lipsyncctl", "--farm", self._name, "list"])
        begun = self._record.beginning(job, self.farm.user)
        if len(begun) > 1:
            raise UnknownJob(f"Several of your jobs begin with {job}.", "Type more of the id.")
        id = begun[0] if begun else job
        fields = self._record.of(id)
        if not fields or not (self._is_admin or fields["user"] == self.farm.user):
            raise UnknownJob(f"There is no job {job} of yours in the farm.", f"See `{command}`.")
        return id, fields

    def _ask(self, verb: str, timeout: float | None = None, **fields: Any) -> Never:
        raise InvalidRequest("That is for one daemon, and not for a farm.", "Omit --farm.")

    def _asked(self, verb: str, *_: Any, **__: Any) -> Never:
        self._ask(verb)


def refuse_label(label: str | None) -> None:
    """Raise InvalidRequest if there is one: a job counts for whoever has signed it."""
    if label is not None:
        raise InvalidRequest("A farm knows its users by their tokens.", "Omit --label.")
