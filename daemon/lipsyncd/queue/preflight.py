"""Preflights: few at a time, on private copies of the files, of which nothing stays."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from lipsyncd.errors import QueueFull, QueueWarming
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.preflight import Preflight
from lipsyncd.protocol.user import User
from lipsyncd.queue.admission import SOON, Admission, later
from lipsyncd.queue.renderer import Renderer
from lipsyncd.queue.snapshot import Inputs
from lipsyncd.queue.unnamed import copies, read_only, unnamed

MOST, MOST_OF_USER = 2, 1  # at a time


class Preflights:
    """Those that are under way.  Each is run by the session that asks for it."""

    def __init__(self, admission: Admission, folder: Path) -> None:
        """Their files are on the disk of this folder."""
        self._admission = admission
        self._folder = folder
        self._lock = threading.Lock()
        self._users: list[User] = []  # of those under way
        self._renderer: Renderer | None = None

    def open(self, renderer: Renderer) -> None:
        """The models are loaded."""
        self._renderer = renderer

    def answer(
        self, user: User, asked: Preflight, inputs: Inputs, go_on: Callable[[], None]
    ) -> int:
        """A descriptor of the answer, to be read from its beginning; the caller's to close.

        `go_on` is called now and then; what it raises ends the preflight.  Raises QueueFull,
        QueueWarming, QueueDraining, InputError, InvalidRequest, StorageError, InternalError.
        """
        mine = replace(asked, user=user)
        with (
            self._place(user) as renderer,
            self._admission.room(user, inputs, asked.options.pictures),
            copies(inputs, self._folder) as files,
        ):
            return self._answered(renderer, mine, files, go_on)

    def review(self, user: User, job: Job, files: Sequence[int], go_on: Callable[[], None]) -> int:
        """The same of a job that has ended, by its own files."""
        with self._place(user) as renderer:
            asked = Preflight("review", job.options, user=user)
            return self._answered(renderer, asked, files, go_on)

    def _answered(
        self,
        renderer: Renderer,
        asked: Preflight,
        files: Sequence[int],
        go_on: Callable[[], None],
    ) -> int:
        with (
            unnamed(self._folder) as work,
            unnamed(self._folder) as answer,
            closing(renderer.preflight(asked, [*files, work.fileno(), answer.fileno()])) as steps,
        ):
            for _ in steps:
                go_on()
            return read_only(answer)

    @contextmanager
    def _place(self, user: User) -> Iterator[Renderer]:
        """One of the places, until the end of the block."""
        if self._renderer is None:
            raise QueueWarming("The daemon is still loading.", "Ask again once it is ready.")
        with self._lock:
            mine = self._users.count(user)
            if mine >= MOST_OF_USER or len(self._users) >= MOST:
                raise later(busy(mine), SOON)
            self._users.append(user)
        try:
            yield self._renderer
        finally:
            with self._lock:
                self._users.remove(user)


def busy(mine: int) -> QueueFull:
    """Why there is no place, of which the user has so many."""
    kinds = "probe, a preview or a report", "probes, previews or reports"
    who = f"This user has a {kinds[0]}" if mine else f"{MOST} {kinds[1]} are"
    return QueueFull(f"{who} under way.", "Ask once more when it is done.")
