"""A job: its states and what may follow what, its options, its progress, its files."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from lipsyncd.errors import InvalidRequest

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
ID_LENGTH = 12  # 60 random bits: nobody guesses another user's job


class State(StrEnum):
    """Where a job is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


ENDED = frozenset(
    {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED, State.QUARANTINED}
)

NEXT: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED, State.EXPIRED}),
    State.RUNNING: ENDED | {State.QUEUED},  # back to the queue when the daemon stops or dies
} | {state: frozenset() for state in ENDED}

BLENDS = ("soft", "box")
EXTENDS = ("pingpong", "loop")
MAX_CRF = 51  # of H.264


@dataclass(frozen=True)
class Options:
    """How a client wants its job rendered.

    `blend`: how a mouth is put in the frame. `extend`: how a video shorter than the voice goes
    on. `box`: the face, (left, top, right, bottom) in pixels, half-open, instead of detection.
    `crf`: quality of the encoded result, 0 (best) to 51; None leaves it to the daemon.
    """

    blend: str = "soft"
    extend: str = "pingpong"
    box: tuple[int, int, int, int] | None = None
    crf: int | None = None

    def __post_init__(self) -> None:
        _require(self.blend in BLENDS, f"blend is one of {', '.join(BLENDS)}")
        _require(self.extend in EXTENDS, f"extend is one of {', '.join(EXTENDS)}")
        _require(self.crf is None or _is_whole(self.crf, MAX_CRF), "crf is from 0 to 51")
        _require(self.box is None or _is_box(self.box), "box is left, top, right, bottom")

    @classmethod
    def from_map(cls, options: object) -> Self:
        """The options in a request; whatever is not one of them is an InvalidRequest."""
        if not isinstance(options, Mapping):
            raise InvalidRequest("options is not a map.", "Leave it empty for the defaults.")
        known = [field.name for field in fields(cls)]
        for name in options:
            _require(name in known, f"options are {', '.join(known)}, not {name!r}")
        box = options.get("box")
        return cls(**{**options, "box": tuple(box) if isinstance(box, list) else box})

    def as_map(self) -> dict[str, object]:
        """The options as they travel and as they are stored."""
        return asdict(self) | {"box": None if self.box is None else list(self.box)}


@dataclass(frozen=True)
class Progress:
    """How far a render is: frames written, frames to write, frames in which a face was found."""

    done: int
    total: int
    faces: int


@dataclass(frozen=True)
class Paths:
    """The files of one render: the inputs, and where the result appears when it is whole."""

    face: Path
    voice: Path
    result: Path


@dataclass(frozen=True)
class Job:
    """One accepted render request.

    `owner` is a uid; times are unix seconds; `face` and `voice` are names for display, never
    opened; `done`, `total` and `faces` count frames; `fps` is the pace of the render; `error` is
    a LipsyncError as a map; `attempts` counts how often a render was begun.
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

    def as_map(self) -> dict[str, object]:
        """The job as it travels."""
        return asdict(self) | {"state": str(self.state), "options": self.options.as_map()}

    @property
    def is_ended(self) -> bool:
        """Nothing will change it any more."""
        return self.state in ENDED


def new_job(owner: int, face: str, voice: str, options: Options) -> Job:
    """A queued job of this moment, under a new id."""
    name = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    return Job(name, owner, face, voice, options, created_at=time.time())


def move(job: Job, state: State, **changes: Any) -> Job:
    """The job in its next state, with other fields changed on the way; else ValueError."""
    if state not in NEXT[job.state]:
        raise ValueError(f"a {job.state} job cannot become {state}")
    return replace(job, state=state, **changes)


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise InvalidRequest(f"The request cannot be taken: {sentence}.", "Correct the option.")


def _is_whole(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_box(box: object) -> bool:
    """Four whole numbers that enclose at least one pixel."""
    if not isinstance(box, tuple) or len(box) != 4:
        return False
    if not all(_is_whole(edge, 1 << 20) for edge in box):
        return False
    left, top, right, bottom = box
    return bool(left < right and top < bottom)
