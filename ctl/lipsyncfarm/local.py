"""A job at the daemon of this host: handed in under a key, followed, and forgotten at the end."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lipsyncctl import Client, Job
from lipsyncctl.client.outage import AWAY
from lipsyncd.errors import JobEnded, JobInterrupted, UnknownJob
from lipsyncfarm.cache import Cache
from lipsyncfarm.config import Farm
from lipsyncfarm.held import Held, key_of
from lipsyncfarm.record import Record, Taken
from lipsyncfarm.spec import Spec
from lipsyncfarm.store import MediaStore

POLL = 0.25  # seconds between two looks at a job
ENDURANCE = 60.0  # seconds without an answer of the daemon after which another host tries


@dataclass(frozen=True)
class Tools:
    """What a host works with; `scratch` is where results lie on their way."""

    farm: Farm
    record: Record
    store: MediaStore
    cache: Cache
    client: Client
    held: Held
    scratch: Path


class LocalJob:
    """One attempt at a job of the farm, as the daemon here knows it."""

    def __init__(self, tools: Tools, taken: Taken, spec: Spec) -> None:
        self._tools = tools
        self._taken = taken
        self._spec = spec
        self.job: Job | None = None  # None before the daemon has it

    def submit(self, work: IO[bytes] | None = None, share: str | None = None) -> Job:
        """Hand it in with its inputs and work that was done of it, or a share of it alone; the same
        attempt is the same job, however often.

        Raises what the store, the cache and `Client.submit` raise.
        """
        with ExitStack() as stack:
            inputs = [self._tools.cache.opened(each) for each in self._spec.inputs]
            files = [stack.enter_context(each) for each in inputs]
            spoken = 1 + self._spec.voices
            shown = spoken + self._spec.pictures
            options = {**self._spec.options, **({"share": share} if share else {})}
            self.job = self._tools.client.submit(
                files[0],
                files[1:spoken],
                pictures=files[spoken:shown],
                work=work or next(iter(files[shown:]), None),
                key=" ".join(filter(None, [key_of(self._taken), share])),
                priority="low" if self._spec.priority == "low" else "normal",
                expires=self._taken.expires,
                max_runtime=self._spec.terms.get("max_runtime"),
                label=self._spec.user if self._tools.farm.labels else None,
                **options,
            )
        return self.job

    def follow(self, told: threading.Event, look: Callable[[Job], None]) -> Job:
        """The job once it has ended; `look` sees it four times a second, and at once when `told`.

        What `look` raises comes out.  Raises JobInterrupted if the daemon has it no more.
        """
        assert self.job
        heard = time.monotonic()
        while not self.job.is_ended:
            told.wait(POLL)
            try:
                self.job = self._tools.client.status(self.job.id)
                heard = time.monotonic()
            except AWAY as error:
                if time.monotonic() > heard + ENDURANCE:
                    words = f"Its daemon went away: {error.message}"
                    raise JobInterrupted(words, error.hint) from error
            except UnknownJob as error:
                words = "Its daemon has forgotten the job."
                raise JobInterrupted(words, "Look at that daemon's log.") from error
            look(self.job)
        return self.job

    def fetch(self, file: IO[bytes]) -> None:
        """Write the result into an open file."""
        assert self.job
        self._tools.client.fetch(self.job.id, file, survive_restart=True)

    def forget(self) -> None:
        """The daemon stops it if it must, and has nothing of it any more; nor have we."""
        for job in self._tools.client.list():
            if str(job.get("key")).partition(" ")[0] == key_of(self._taken):
                self._remove(job)
        self._tools.held.drop(self._taken)

    def drop(self) -> None:
        """The daemon stops what it has of it just now, and forgets that."""
        assert self.job
        job, self.job = self.job, None
        self._remove(job)

    def _remove(self, job: Job) -> None:
        client = self._tools.client
        if not job.is_ended:
            with suppress(JobEnded):
                client.cancel(job.id)
        client.clean(job.id)
