"""Private copies of the inputs, and the results: a directory per job, nothing half-written seen.

Clients pass open files, never paths. What they passed is copied before a job is accepted, so
they may change or remove their files afterwards.

A directory is called `ID.new` until the store knows the job, and `ID` from then on. So after a
crash each tells what it is: `ID.new` without a record was never accepted and goes; `ID` without one
belongs to a job whose record was lost, and is kept.
"""

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from lipsyncd.config import LiveConfig
from lipsyncd.errors import InputGone
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.state import State
from lipsyncd.queue.contents import EARLIER, KEPT, RESULT, SPARE, WORK, kind_of, names_of
from lipsyncd.queue.left import left_in, open_result
from lipsyncd.queue.snapshot import Inputs
from lipsyncd.system.disk import disk_named, free_bytes, remove, size_at, sync

NEW = ".new"  # of a job that is not accepted yet

log = logging.getLogger(__name__)


class Entry:
    """Something in the spool, by the job that it is of."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.job = path.name.removesuffix(NEW)
        self.is_new = self.job != path.name
        self.is_folder = stat.S_ISDIR(path.lstat().st_mode)
        self.names = set(os.listdir(path)) if self.is_folder else set()
        result = path / RESULT
        self.is_done = RESULT in self.names and not result.stat().st_mode & stat.S_IWUSR


class Spool:
    """The files of all jobs, under one directory that belongs to the daemon alone."""

    def __init__(self, directory: Path, live_config: LiveConfig) -> None:
        """Raises StorageError."""
        self._directory = directory
        self._live_config = live_config
        self._stuck: set[Path] = set()  # what could not be removed, and has been told
        with disk_named():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync(directory.parent)

    def size_of(self, inputs: Inputs, pictures: int = 0, *, has_work: bool = False) -> int:
        """How many bytes `admit` would copy.  Raises InputError, InternalError."""
        limits = self._live_config.config.limits
        most = {"voice": limits.max_voice_bytes, "work": limits.max_input_bytes_per_user}
        kinds = map(kind_of, names_in(inputs, pictures, has_work))
        return inputs.examine([(kind, most.get(kind, limits.max_face_bytes)) for kind in kinds])

    def admit(self, job: str, inputs: Inputs, pictures: int = 0, *, has_work: bool = False) -> int:
        """Copy the inputs, behind the voices pictures of people and work that was done of the job
        before, for good; how many bytes that were.

        Raises InputError, StorageError or InternalError, and then nothing remains. A client's
        position in its files is left as it is.
        """
        size = self.size_of(inputs, pictures, has_work=has_work)
        with self._made(job) as directory, ExitStack() as files:
            names = names_in(inputs, pictures, has_work)
            inputs.copy(*(files.enter_context(created(directory / name)) for name in names))
            for name in names:
                sync(directory / name)
        return size

    def link(
        self, old: str, new: str, voices: int = 1, pictures: int = 0, *, earlier: str = ""
    ) -> int:
        """Give a new job the inputs of an old one, for good; how many bytes they have.

        `earlier` is what of the old one's files a redo goes on from, WORK or EARLIER.  Raises
        InputGone or StorageError, and then nothing remains.
        """
        names = {name: name for name in names_of(voices, pictures)}
        names |= {EARLIER: earlier} if earlier else {}
        with self._made(new) as directory:
            for name, theirs in names.items():
                try:
                    (directory / name).hardlink_to(self._directory / old / theirs)
                except FileNotFoundError:
                    raise _gone(theirs) from None
            return sum(size_at(directory / name) or 0 for name in names)

    def accept(self, job: str) -> None:
        """The store knows the job: from now on its files tell of it even without the store.

        Where that fails, it is made up for when the files are used, or at the next start.
        """
        with suppress(OSError):
            self._accepted(job)

    def paths(
        self, job: str, voices: int = 1, pictures: int = 0, *, is_redo: bool = False
    ) -> Paths:
        """Where a render finds the inputs and puts the result.

        Raises InputGone if one of the inputs is not there, and StorageError.
        """
        with disk_named():
            directory = self._accepted(job)
            inputs = [directory / name for name in names_of(voices, pictures)]
            earlier = directory / EARLIER if is_redo else None
            for path in (*inputs, *filter(None, [earlier])):
                if size_at(path) is None:
                    raise _gone(path.name)
        face, *spoken = inputs[: 1 + voices]
        result, work = directory / RESULT, directory / WORK
        return Paths(face, tuple(spoken), result, work, tuple(inputs[1 + voices :]), earlier)

    def seal(self, job: str) -> int:
        """Bring a result to the disk for good; its size in bytes."""
        directory = self._directory / job
        with disk_named():
            sync(directory / RESULT)
            sync(directory)
            return (directory / RESULT).stat().st_size

    def open_result(self, job: str) -> int:
        """A descriptor of the result that cannot be written through; the caller's to close."""
        return open_result(self._directory / job)

    def left(self, job: str, voices: int, pictures: int) -> AbstractContextManager[list[int]]:
        """Descriptors of what a job that has succeeded has left, see there."""
        return left_in(self._directory / job, names_of(voices, pictures))

    def bytes_of(self, job: str, names: Iterable[str] = (*SPARE, EARLIER, RESULT)) -> int:
        """What the files of a job have in bytes, those that are there.

        Raises StorageError.
        """
        with disk_named():
            directory = self._accepted(job)
            return sum(size_at(directory / name) or 0 for name in names)

    def free_bytes(self) -> int:
        """What the daemon may still write to the disk."""
        with disk_named():
            return free_bytes(self._directory)

    def discard(self, job: str) -> bool:
        """Remove all files of a job; whether they are gone, and if not the log tells why."""
        return self._clear(self._directory / f"{job}{NEW}") and self._clear(self._directory / job)

    def spare(self, job: str) -> bool:
        """Remove all files of a job but its result; whether they are gone."""
        return self._clear(self._directory / job, (RESULT,))

    def sync(self) -> None:
        """What was removed stays removed, whatever happens.  Raises StorageError."""
        with disk_named():
            sync(self._directory)

    def tidy(self, job: str, state: State) -> None:
        """Remove the files that have no use once the job is in this state.  A result that can only
        be read tells of a success that was recorded, should its record be lost."""
        if state is State.SUCCEEDED:
            with suppress(OSError):
                (self._directory / job / RESULT).chmod(0o400)
        self._clear(self._directory / job, KEPT.get(state, ()))

    def entries(self) -> list[Entry]:
        """What is in the spool.  Raises StorageError."""
        with disk_named():
            return [Entry(each) for each in self._directory.iterdir()]

    def set_aside(self, jobs: Iterable[str]) -> Path:
        """Keep the files of jobs without a record, out of the way; where they are then.

        Raises StorageError; called again, it moves what is left.
        """
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        aside = self._directory.with_name(f"{self._directory.name}.unrecorded-{moment}")
        with disk_named():
            aside.mkdir(mode=0o700)
            for job in jobs:
                (self._directory / job).rename(aside / job)
            for each in (aside, self._directory, aside.parent):
                sync(each)
        return aside

    @contextmanager
    def _made(self, job: str) -> Iterator[Path]:
        """A new directory, which is there for good after the block; or not at all if it fails."""
        directory = self._directory / f"{job}{NEW}"
        with disk_named():
            directory.mkdir(mode=0o700)
            try:
                yield directory
                sync(directory)
                sync(self._directory)
            except BaseException:
                self.discard(job)
                raise

    def _accepted(self, job: str) -> Path:
        """The directory of a job that the store knows.  Raises OSError."""
        directory, new = self._directory / job, self._directory / f"{job}{NEW}"
        if size_at(new) is not None:  # a file system that is read-only refuses even to look
            with suppress(FileNotFoundError):
                new.rename(directory)
        return directory

    def _clear(self, path: Path, kept: tuple[str, ...] = ()) -> bool:
        """Remove it, or all but what is kept in it; False, and told once, if that cannot be."""
        try:
            remove(path, kept)
        except OSError as error:
            if path not in self._stuck:
                log.warning("spool: %s cannot be removed: %s", error.filename, error.strerror)
            self._stuck.add(path)
            return False
        self._stuck.discard(path)
        return True


@contextmanager
def created(path: Path) -> Iterator[int]:
    """A new file, open for writing.  Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names_in(inputs: Inputs, pictures: int, has_work: bool) -> tuple[str, ...]:
    """What is made of the inputs, in the order in which they come."""
    voices = inputs.count - 1 - pictures - has_work
    return (*names_of(voices, pictures), *([WORK] if has_work else []))


def _gone(name: str) -> InputGone:
    what = "work" if name == EARLIER else kind_of(name)
    return InputGone(f"The {what} is no longer in the spool.", "Submit the job again.")
