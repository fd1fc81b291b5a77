"""Fetching a result: it appears in its place whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.job import Job
from lipsyncctl.client.links import followed
from lipsyncctl.client.session import open_session
from lipsyncctl.client.submit import OpenFile
from lipsyncd.errors import DiskFull, InternalError, InvalidRequest, MalformedMessage
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.outputs import FORMATS, promised
from lipsyncd.protocol.wire import HINT
from lipsyncd.system.disk import FULL, named, sync

CHUNK = 1 << 20  # bytes copied at a time
STAYS = "The result stays with the daemon."


@dataclass(frozen=True)
class Destination:
    """A file to be written: `name` as it was typed, `path` with symbolic links followed."""

    name: str
    path: str

    @classmethod
    def of(cls, name: str, inputs: Iterable[str] = ()) -> Self:
        """Refuses, before any work is done, a place that cannot be written to or is an input."""
        if not name:
            raise InvalidRequest("A result needs the name of a file.", "Name one, as out.mp4.")
        path = followed(name)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise InvalidRequest(f"The folder {folder} does not exist.", "Make it first.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InvalidRequest(f"The folder {folder} is not writable.", "Choose another.")
        if len(os.fsencode(os.path.basename(path))) > (most := os.pathconf(folder, "PC_NAME_MAX")):
            raise InvalidRequest(
                f"The result's name has more than {most} bytes.", "Choose a shorter one."
            )
        if os.path.exists(path) and not os.path.isfile(path):
            raise InvalidRequest(f"{name} is not a regular file.", "Name a file.")
        if os.path.exists(path) and not os.access(path, os.W_OK):
            raise InvalidRequest(f"{name} is read-only.", "Choose another name.")
        if path in map(os.path.realpath, inputs):
            raise InvalidRequest(f"{name} is an input.", "Choose another name.")
        return cls(name, path)

    @property
    def ending(self) -> str:
        """What the name ends with, as `.mp4`; may be empty."""
        return os.path.splitext(self.name)[1]

    @property
    def format(self) -> str | None:
        """The format that the name promises, if it promises one."""
        return promised(self.ending)

    def refuse_other(self, format: str) -> None:
        """Raise InvalidRequest if the name promises another format than the result has."""
        if self.format in (None, format):
            return
        ours, theirs = FORMATS[self.format], FORMATS[format]
        raise InvalidRequest(
            f"{self.name} is a name for {ours.title}, and the result is {theirs.title}.",
            f"Name it {self.name.removesuffix(self.ending)}{theirs.endings[0]}.",
        )

    def receive(self, descriptor: int, size: int) -> None:
        """Copies `size` bytes to a file beside the path, makes it durable, and renames it."""
        try:
            with self._folder() as folder:
                self._write(folder, descriptor, size)
        except OSError as error:
            raise refused(self.name, error) from error

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """The folder of the path, which nobody can exchange any more.

        Raises InvalidRequest if the name does not lead there by now.
        """
        wanted = os.path.dirname(self.path)
        folder = os.open(wanted, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            is_wanted = os.readlink(f"/proc/self/fd/{folder}") == wanted
            if followed(self.name) != self.path or not is_wanted:
                raise InvalidRequest(f"{self.name} leads to another place now.", STAYS)
            yield folder
        finally:
            os.close(folder)

    def _write(self, folder: int, descriptor: int, size: int) -> None:
        name = os.path.basename(self.path)
        part = f".lipsyncctl-{os.urandom(4).hex()}.part"  # as long as it is, whatever the name is
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        target = os.open(part, flags, 0o666, dir_fd=folder)
        try:
            copy(descriptor, target, size)
            os.fsync(target)
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
            sync_folder(folder)
        finally:
            os.close(target)
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)


@dataclass(frozen=True)
class Outlet:
    """A file that the caller has open, or a pipe: what breaks off stays there."""

    file: OpenFile
    path = None
    format = None

    @property
    def name(self) -> str:
        """What it is called, as `<stdout>`."""
        return str(getattr(self.file, "name", "the open file"))

    def refuse_other(self, format: str) -> None:
        """It promises no format."""

    def receive(self, descriptor: int, size: int) -> None:
        """Copies `size` bytes; BrokenPipeError if nobody reads them any more."""
        try:
            copy(descriptor, self.file.fileno(), size)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise refused(self.name, error) from error


Place = Destination | Outlet


def fetch(address: str, job: str, place: Place, deadline: Deadline) -> Job:
    """Writes the result of a job to its place. Its message has the `size` in bytes."""
    with open_session(address, deadline) as session, session.ask("fetch", job=job) as fetched:
        if not fetched.descriptors:
            raise MalformedMessage("The daemon sent no file with its answer.", HINT)
        answer: dict[str, Any] = fetched.body
        # a daemon that names no format knows only the usual one
        place.refuse_other(answer["job"]["options"].get("format", Options.format))
        place.receive(fetched.descriptors[0], answer["size"])
        return Job(answer)


def copy(source: int, target: int, size: int) -> None:
    """All of `source` from its beginning, wherever its position is; it must hold `size` bytes."""
    done = 0
    while chunk := os.pread(source, CHUNK, done):
        done += len(chunk)
        while chunk:
            chunk = chunk[os.write(target, chunk) :]
    if done != size:
        raise InternalError(
            f"The daemon announced {size} bytes and handed over {done}.",
            "Fetch the result again; if that fails too, look at the daemon's log.",
        )


def sync_folder(folder: int) -> None:
    """Makes a rename in `folder` durable, where its file system has a way to, and lets us.

    The result is in its place, so only what a disk or the machine is to blame for is an OSError.
    """
    try:
        sync(Path(), folder)
    except OSError as error:
        if named(error):
            raise


def refused(name: str, error: OSError) -> DiskFull | InvalidRequest:
    """What the user is told when the result cannot be written to `name`."""
    if error.errno in FULL:
        return DiskFull(f"There is no room for {name}.", STAYS)
    return InvalidRequest(f"{name} cannot be written: {error.strerror}.", STAYS)
