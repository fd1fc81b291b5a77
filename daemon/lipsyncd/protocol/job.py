"""A job: what it is, its progress, its files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from lipsyncd.errors import KeyTaken
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED, NEXT, PHRASES, State
from lipsyncd.protocol.terms import Priority
from lipsyncd.protocol.user import User

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
MAX_NOTES, MAX_NOTE = 20, 300  # sentences about a job; characters of one
MAX_ATTEMPTS = 10  # renders that did not come to an end because the daemon or its disk broke
ID_LENGTH = 12  # 60 random bits: nobody guesses another user's job
MIN_BEGINNING = 4  # characters of an id that may stand for it


@dataclass(frozen=True)
class Progress:
    """How far a render is: frames written, frames to write, frames in which a face was found; what
    its owner may want to know of it, in sentences; and how many frames an earlier attempt wrote."""

    done: int
    total: int
    faces: int
    notes: tuple[str, ...] = ()
    kept: int = 0

    @classmethod
    def from_map(cls, said: Mapping[str, Any]) -> Self:
        """What a render said of itself, of which no more than a bounded part is believed.

        Raises KeyError, TypeError, ValueError.
        """
        notes = tuple(str(note)[:MAX_NOTE] for note in said["notes"][:MAX_NOTES])
        done, total, faces, kept = (int(said[name]) for name in ("done", "total", "faces", "kept"))
        return cls(done, total, faces, notes, kept)


class Outcome(StrEnum):
    """How a render process has ended, if not by an error."""

    WHOLE = "whole"  # the result is there
    AGAIN = "again"  # it has to begin again: the models are gone that it began with
    TURN = "turn"  # other jobs come first now; what it has finished is kept


@dataclass(frozen=True)
class Paths:
    """The files of one render: the inputs, where the result appears when it is whole, where the
    render keeps what it has finished before, and what was finished of a job that it redoes; `user`
    is whose they are."""

    face: Path
    voices: tuple[Path, ...]
    result: Path
    work: Path
    pictures: tuple[Path, ...] = ()
    earlier: Path | None = None
    user: User | None = None

    @property
    def job(self) -> str:
        """The id of the job, after which their folder is called."""
        return self.result.parent.name


@dataclass(frozen=True)
class Job:
    """One accepted render request.

    `owner` is a uid; times are unix seconds; `face` and `voice` are names for display, never
    opened; `done`, `total` and `faces` count frames; `fps` is the pace of the render; `error` is
    a LipsyncError as a map; `attempts` counts how often a render was begun; `max_runtime` is in
    seconds; `retry_of` is the job it repeats, `redo_of` the one of whose result it makes a stretch
    anew; `fetched_at` is when its owner first had the result; `spool_bytes` is what its files take;
    `notes` are sentences on what was decided for its owner; `queued_at` is when it came into the
    line, for the first time or after a turn; `label` tells apart for whom its owner hands in jobs;
    one that is `held` is not begun, nor one before that `after` which it comes has succeeded.
    """

    id: str
    owner: int
    face: str
    voice: str
    options: Options
    created_at: float
    state: State = State.QUEUED
    attempts: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    done: int = 0
    total: int = 0
    faces: int = 0
    fps: float = 0.0
    error: dict[str, object] | None = None
    result_bytes: int | None = None
    priority: Priority = Priority.NORMAL
    key: str | None = None
    expires_at: float | None = None
    max_runtime: float | None = None
    retry_of: str | None = None
    redo_of: str | None = None
    fetched_at: float | None = None
    spool_bytes: int = 0
    notes: tuple[str, ...] = ()
    queued_at: float = 0.0
    label: str = ""
    held: bool = False
    after: str | None = None

    def as_map(self) -> dict[str, object]:
        """The job as it travels."""
        plain: dict[str, object] = {"state": str(self.state), "priority": str(self.priority)}
        plain["notes"] = list(self.notes)
        return asdict(self) | plain | {"options": self.options.as_map()}

    def __str__(self) -> str:
        """For a sentence: Job k3... has failed"""
        return f"Job {self.id} {PHRASES[self.state]}"

    @property
    def is_ended(self) -> bool:
        """Nothing will change it any more."""
        return self.state in ENDED

    @property
    def user(self) -> User:
        """Whom it counts for."""
        return User(self.owner, self.label)


def move(job: Job, state: State, **changes: Any) -> Job:
    """The job in its next state, with other fields changed on the way; else ValueError."""
    if state not in NEXT[job.state]:
        raise ValueError(f"a {job.state} job cannot become {state}")
    return replace(job, **{"held": False} | changes, state=state)


def refuse_other(known: Job, job: Job) -> Job:
    """The known job; KeyTaken if another one is meant by the same key."""
    if (known.face, known.voice, known.options) != (job.face, job.voice, job.options):
        raise KeyTaken(
            f"This key is that of job {known.id}, which has other files or options.",
            "Give each job a key of its own.",
        )
    return known
