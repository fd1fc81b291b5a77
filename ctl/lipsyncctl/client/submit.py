"""Handing a job to the daemon: the files are opened here and travel as descriptors."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, Protocol

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY, Outage, given_up
from lipsyncctl.client.session import ConnectionLost, Notice, open_session
from lipsyncd.errors import InputError, LipsyncError, NotAFile, ServerUnreachable, UnreadableMedia

SERVING = {"ready", "degraded"}  # states of a daemon that renders
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
STARTING = 5.0  # seconds that a daemon started just before us may take to make its socket
# O_NONBLOCK: opening a pipe must end in our message, not in waiting for its writer.
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class OpenFile(Protocol):
    """A file that is open for reading, as `open` gives it."""

    def fileno(self) -> int:
        """Its descriptor."""


Source = str | os.PathLike[str] | OpenFile


class Media(NamedTuple):
    """What a job is made of; the pictures are of people whose lips move, `work` is what was made of
    it before."""

    face: Source
    voices: Sequence[Source]
    pictures: Sequence[Source]
    work: Source | None = None


class AcceptanceUnknown(ServerUnreachable):
    """The daemon went away while it had the job in its hands, and did not come back in time.

    `key` repeats the submission without making a second job.
    """

    key: str = ""


def submit(
    address: str,
    media: Media,
    fields: Mapping[str, Any],
    notice: Notice,
) -> Job:
    """The accepted job; the daemon has its own copy of the files then.

    When the connection is lost it is asked again; thanks to the key there is one job, or none.
    """
    face, voices, pictures, work = media
    spoken = [name_of(voice, "voice") for voice in voices]
    names = {"face": name_of(face, "face"), "voice": spoken[0]}
    # which an older daemon would not know
    more = ({"voices": spoken[1:]} if spoken[1:] else {}) | ({"work": True} if work else {})
    sources: list[Source] = [face, *voices, *pictures, *([work] if work else [])]
    with ExitStack() as stack:
        files = [stack.enter_context(open_input(each)) for each in sources]
        job, state = hand_over(address, files, {**names, **more, **fields}, notice)
    if state not in SERVING and job.state == "queued":
        notice(f"job {job.id} waits: the daemon is still {state}.")
    return job


def hand_over(
    address: str, files: Sequence[int], fields: Mapping[str, Any], notice: Notice
) -> tuple[Job, str]:
    """The job, and the daemon's state."""
    outage, is_lost = Outage(notice, Deadline()), False
    while True:
        try:
            # after a loss it is the outage that waits
            starting = 0.0 if is_lost else STARTING
            with open_session(address, starting=starting, notice=notice) as session:
                # None: the daemon copies the files before it answers
                answer = session.ask("submit", timeout=None, descriptors=files, **fields)
                return Job(answer.body), session.state
        except AWAY as error:
            is_lost = is_lost or isinstance(error, ConnectionLost)
            if not is_lost:
                raise
            endure(outage, error, fields["terms"]["key"])


def endure(outage: Outage, error: LipsyncError, key: str) -> None:
    """Waits for the daemon to come back; at the end tells how to ask again without us."""
    try:
        outage.endure(error)
    except AWAY:
        hint = f"It may have taken the job; the key {key} repeats this without making a second one."
        unknown = AcceptanceUnknown(error.message, given_up(error, hint).hint)
        unknown.key = key
        raise unknown from error


def refusals(sources: Iterable[Source]) -> Iterator[InputError]:
    """Why each of these cannot be handed in that cannot."""
    for source in sources:
        try:
            with open_input(source):
                pass
        except InputError as error:
            yield error


def name_of(source: Source, default: str) -> str:
    """What the job's file is called, for display; the daemon never opens it by that."""
    name = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return os.path.basename(name) if isinstance(name, str | os.PathLike) else default


@contextmanager
def open_input(source: Source) -> Iterator[int]:
    """A descriptor of a regular file. Raises an InputError that names it."""
    if not isinstance(source, str | os.PathLike):
        refuse_other(source.fileno(), "The face, the voice or the picture")
        yield source.fileno()
        return
    try:
        descriptor = os.open(source, FLAGS)
    except OSError as error:
        raise unopened(os.fspath(source), str(error.strerror)) from error
    try:
        refuse_other(descriptor, os.fspath(source))
        yield descriptor
    finally:
        os.close(descriptor)


def unopened(name: str, why: str) -> UnreadableMedia:
    """What is said of a name that nothing can be opened by."""
    if ADDRESS.match(name):
        return UnreadableMedia(
            f"{name} is an address, and no file.", "Download it and name the file."
        )
    return UnreadableMedia(
        f"{name} cannot be opened: {why}.", "Check its name and its permissions."
    )


def refuse_other(descriptor: int, name: str) -> None:
    """Raise NotAFile for what is no regular file."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise NotAFile(f"{name} is a folder.", "Name a file in it.")
    if not stat.S_ISREG(mode):
        raise NotAFile(f"{name} is not a regular file.", "Save what it holds to a file first.")
