"""The jobs of one user of the page, and nobody else's: each question goes through here."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsyncctl import Client, Job
from lipsyncctl.client.fetch import Outlet
from lipsyncctl.client.told import Answer, given
from lipsyncd.errors import LipsyncError, NoResult, UnknownJob
from lipsyncd.protocol.job import ALPHABET, ID_LENGTH
from lipsyncd.protocol.outputs import FORMATS
from lipsyncweb.users import User

ID = re.compile(f"[{ALPHABET}]{{{ID_LENGTH}}}")

Clients = Callable[[User], tuple[Client, str | None, Client]]


class Jobs:
    """What a `user` may do; a daemon knows them by a label, a farm by their own name.

    `looker` is the daemon that looks at files: a farm renders, and does not look.
    """

    def __init__(self, client: Client, label: str | None, looker: Client) -> None:
        self.client = client
        self._label = given({"label": label})
        self._looker = looker

    @property
    def can_look(self) -> bool:
        """Whether there is a daemon that looks at files; a farm's page may have none beside it."""
        if self._looker is self.client:
            return True
        try:
            return bool(self._looker.health()["ready"])
        except LipsyncError:
            return False

    def submit(self, face: Path, voices: Sequence[Path], **options: Any) -> Job:
        """Hand in a job; the files are the daemon's on return."""
        return self.client.submit(face, voices, **self._label, **options)

    def probe(self, face: Path, voices: Sequence[Path], **options: Any) -> Answer:
        """What a render would meet."""
        return self._looker.probe(face, voices, **self._label, **options)

    def preview(
        self, face: Path, voices: Sequence[Path], path: Path, at: float, **options: Any
    ) -> Answer:
        """Writes a PNG of the frame at a time; `to` is one of the options."""
        return self._looker.preview(face, voices, path, at=at, **self._label, **options)

    def list(self) -> list[Job]:
        """All of them, the newest last."""
        return [job for job in self.client.list(**self._label) if self.is_mine(job)]

    def of(self, id: str) -> Job:
        """The user's job with this id, whole.  Raises UnknownJob for everything else."""
        if not ID.fullmatch(id):
            raise unknown(id)
        job = self.client.status(id)
        if not self.is_mine(job):
            raise unknown(id)
        return job

    def is_mine(self, job: Job) -> bool:
        """Whether this user handed it in here; who may see more elsewhere does not see it here."""
        return job.owner == os.getuid() and job.get("label", "") == self._label.get("label", "")

    def story(self, id: str) -> Job:
        """A job with its changes."""
        return self.client.recount(self.of(id).id)

    def cancel(self, id: str) -> Job:
        """It ends, and leaves no result."""
        return self.client.cancel(self.of(id).id)

    def retry(self, id: str, redo: tuple[float, float | None] | None, **options: Any) -> Job:
        """Once more; or a stretch of its result anew."""
        return self.client.retry(self.of(id).id, redo, **options)

    def remove(self, id: str) -> None:
        """It is forgotten, with its result."""
        self.client.clean(self.of(id).id)

    @contextmanager
    def result(self, id: str) -> Iterator[tuple[Job, int, int]]:
        """The job, a descriptor of its result, and how many bytes that has.  Raises NoResult."""
        job = self.of(id)
        handle = Handle()
        self.client.fetch(job.id, handle)
        if handle.descriptor is None:
            raise NoResult(f"Job {id} has no result.", "Look at its state.")
        try:
            yield job, handle.descriptor, handle.size
        finally:
            os.close(handle.descriptor)


class Handle(Outlet):
    """A place for a result at which nothing is copied: its descriptor stays open."""

    def __init__(self) -> None:
        self.descriptor: int | None = None
        self.size = 0

    def receive(self, descriptor: int, size: int) -> None:
        """Keep it."""
        self.descriptor, self.size = os.dup(descriptor), size


def result_name(job: Job) -> str:
    """What a result is called when it is downloaded: speaker-k3j9.mp4"""
    stem = os.path.splitext(job.face)[0]
    safe = re.sub(r"[^\w.-]+", "_", stem).strip("._")[:60] or "result"
    ending = FORMATS[job["options"].get("format", "mp4")].endings[0]
    return f"{safe}-{job.id[:4]}{ending}"


def unknown(id: str) -> UnknownJob:
    """Nobody learns whether somebody else has it."""
    return UnknownJob(f"There is no job {id[:ID_LENGTH]} of yours.", "Look at the list of jobs.")


def clients(socket: str | None, farm: str | None) -> Clients:
    """Who speaks with the daemon for a user, and under which label."""
    if farm is None:
        client = Client(socket)
        return lambda user: (client, user.name or None, client)
    from lipsyncfarm.client import FarmClient  # noqa: PLC0415

    known: dict[str, Client] = {}
    beside = Client()

    def of_farm(user: User) -> tuple[Client, str | None, Client]:
        if user.name not in known:
            known[user.name] = FarmClient(farm, user=user.name or None)
        return known[user.name], None, beside

    return of_farm
