"""The door of the library: Client, which hands jobs to the daemon and fetches their results."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from weakref import WeakSet

from lipsyncctl.client import fetch, follow, submit, wait
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.event import Event
from lipsyncctl.client.fetch import Destination, Outlet, Place
from lipsyncctl.client.job import Job
from lipsyncctl.client.key import made_up_key
from lipsyncctl.client.outage import persistent
from lipsyncctl.client.preflight import Preflights, voices_of
from lipsyncctl.client.session import Notice
from lipsyncctl.client.submit import Media, OpenFile, Source
from lipsyncctl.client.told import given
from lipsyncctl.client.wait import OnProgress
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.outputs import FORMATS


class Client(Preflights):
    """lipsyncd, from a program.

    >>> with Client() as client:
    ...     job = client.submit("speaker.mp4", "hello.wav", crf=20)
    ...     if client.wait(job.id).state == "succeeded":
    ...         client.fetch(job.id, "spoken.mp4")

    `socket` is the daemon's socket; without it that is $LIPSYNCD_SOCKET, else the system's if it
    is there, else the user's own. Nothing is asked before a method is called, and each call has a
    session of its own: a Client may be kept for long and used by several threads. Leaving the
    context ends each `follow` that is under way.

    Failures are classes of `lipsyncd.errors`, with `message`, `hint` and `code`; every method
    raises ServerUnreachable when there is no daemon, SessionsFull when it serves too many already,
    AccessDenied when it may not be asked, and UnknownJob for an id that is none of the caller's
    jobs; the beginning of an id will do, if no other of them begins so. `submit`, `wait`,
    `wait_any` and `follow` wait out a daemon that restarts, for up to a minute; `on_notice` is
    called with a sentence when they do, and for whatever else is worth knowing; nothing is printed.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        on_notice: Notice = lambda _: None,
    ) -> None:
        super().__init__(socket, on_notice)
        self._streams: WeakSet[follow.Stream] = WeakSet()

    def close(self) -> None:
        """End each `follow` that is under way, as if nothing more happened."""
        for stream in list(self._streams):
            stream.close()

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
        """Hand in a job; on return it is on the daemon's disk for good, with copies of the files.

        `face` and `voice` are paths or files open for reading; several voices are a sequence, with
        `who` for each, as "left right"; `pictures` are of the people whom it calls "pictured", in
        their order; `work` is what jobs with a `share` have made of it. The same `key` is the same
        job, however often it is submitted; without one the library makes one up, so that a lost
        answer is no lost job. `priority` is high (for admins), normal or low; `expires` and
        `max_runtime` are seconds. `label` is whom it is for, if the operator lets the caller hand
        in jobs for others: each counts as a user. It is begun once the job `after` which it comes
        has succeeded, and fails if that does not. `options` are the fields of
        `lipsyncd.protocol.options.Options`; None is the daemon's default. A daemon that is just
        starting has five seconds to.

        Raises UnreadableMedia, NotAFile, InvalidRequest, QueueFull, QueueDraining, KeyTaken,
        DiskFull, JobForsaken; AcceptanceUnknown if the daemon went away with the job and stayed
        away.

        >>> job = client.submit("speaker.mp4", "hello.wav", key="take-1", box=(10, 10, 90, 90))
        """
        when = {"priority": priority, "expires": expires, "max_runtime": max_runtime}
        terms = given({"key": key or made_up_key(), "label": label, "after": after, **when})
        chosen = {name_of(field): value for field, value in options.items()}
        fields = {"options": given(chosen), "terms": terms}
        media = Media(face, voices_of(voice), pictures, work)
        return submit.submit(self.address, media, fields, self.on_notice)

    def wait(
        self, job: str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Job:
        """The job once it has ended; TimeIsUp, a TimeoutError, after `timeout` seconds.

        `on_progress` is called with the Job whenever it is further, ten times a second at most.

        >>> ended = client.wait(job.id, on_progress=lambda job: print(job.done, job.total))
        >>> if ended.error: raise ended.error
        """
        return wait.wait(self.address, job, Deadline(timeout), self.on_notice, on_progress)

    def wait_any(self, jobs: Sequence[str], timeout: float | None = None) -> Job:
        """The first of several jobs to end; TimeIsUp after `timeout` seconds.

        >>> first = client.wait_any([one.id, other.id], timeout=600)
        """
        return wait.wait_any(self.address, jobs, Deadline(timeout), self.on_notice)

    def follow(self, since: int | None = None, jobs: Iterable[str] = ()) -> Iterator[Event]:
        """Each change of a job's state, once and in order, also while the daemon restarts.

        Of `jobs` it tells how they are, then each change until all have ended; without jobs every
        change of those that the caller may see, without end. It tells what happens after this call,
        or what has happened after change number `since`. Raises EventsGone if the daemon has
        forgotten what came then.

        >>> for event in client.follow(jobs=[job.id]):
        ...     print(event.seq, event.job.state)
        """
        found = follow.find(self.address, jobs, self.on_notice, Deadline())
        start = follow.start_of(found) if found and since is None else since
        stream = follow.Stream(self.address, start, self.on_notice, Deadline())
        self._streams.add(stream)
        if found:
            return follow.events_of(found, since, stream)
        return follow.all_events(stream.begin() if since is None else stream)

    def destination(
        self,
        to: str | os.PathLike[str] | OpenFile,
        inputs: Iterable[str | os.PathLike[str]] = (),
    ) -> Place:
        """Where a result goes, checked before there is one. `inputs` are not to be written over.

        Its `format` is the one that the name promises, or None. Raises InvalidRequest if nothing
        can be written there, or through the link of a stranger.

        >>> destination = client.destination("spoken.mp4", inputs=["speaker.mp4"])
        """
        if not isinstance(to, str | os.PathLike):
            return Outlet(to)
        destination = Destination.of(os.fspath(to), [os.fspath(each) for each in inputs])
        if destination.ending and not destination.format:
            titles = ", ".join(each.title for each in FORMATS.values())
            self.on_notice(
                f"A result is one of {titles}, whatever the ending {destination.ending} says."
            )
        return destination

    def fetch(
        self,
        job: str,
        to: str | os.PathLike[str] | OpenFile | Place,
        *,
        timeout: float | None = None,
        survive_restart: bool = False,
    ) -> Job:
        """Write a result to `to`: whole, durable, or not at all; its message has the `size`.

        An open file or a pipe gets it as it comes. `survive_restart` waits out a restart of the
        daemon, as `wait` does. Raises JobNotEnded, NoResult, DiskFull; InvalidRequest if `to`
        cannot be written, or its name promises another format than the result has.

        >>> client.fetch(job.id, "spoken.mp4")
        """
        destination = to if isinstance(to, Destination | Outlet) else self.destination(to)
        deadline = Deadline(timeout)

        def once() -> Job:
            return fetch.fetch(self.address, job, destination, deadline)

        return persistent(once, self.on_notice, deadline) if survive_restart else once()
