"""What a client may choose for its job: how it is rendered, and when."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from lipsyncd.errors import InvalidRequest

BLENDS = ("soft", "box")
EXTENDS = ("pingpong", "loop")
BOX = "box is left, top, right, bottom, with right beyond left and bottom beyond top"
MAX_CRF = 51  # of H.264
MAX_KEY = 128  # characters
MAX_SECONDS = 366 * 86400  # of a deadline


class Priority(StrEnum):
    """Whose turn it is first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


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
        _require(
            self.box is None or _is_box(self.box),
            BOX,
        )

    @classmethod
    def from_map(cls, options: object) -> Self:
        """The options in a request; whatever is not one of them is an InvalidRequest."""
        known = _known(cls, options, "options")
        box = known.get("box")
        return cls(**{**known, "box": tuple(box) if isinstance(box, list) else box})

    def as_map(self) -> dict[str, object]:
        """The options as they travel and as they are stored."""
        return asdict(self) | {"box": None if self.box is None else list(self.box)}


@dataclass(frozen=True)
class Terms:
    """When a client wants its job rendered, and when not at all any more.

    `key` makes a submission safe to repeat; `expires` is how many seconds from now a result is of
    use, `max_runtime` how many its render may take.
    """

    priority: Priority = Priority.NORMAL
    key: str | None = None
    expires: float | None = None
    max_runtime: float | None = None

    def __post_init__(self) -> None:
        _require(self.priority in list(Priority), f"priority is one of {', '.join(Priority)}")
        _require(self.key is None or _is_key(self.key), f"key is 1 to {MAX_KEY} characters")
        for name in ("expires", "max_runtime"):
            value = getattr(self, name)
            _require(value is None or _is_duration(value), f"{name} is a number of seconds")

    @classmethod
    def from_map(cls, terms: object) -> Self:
        """The terms in a request; whatever is not one of them is an InvalidRequest."""
        return cls(**_known(cls, terms, "terms"))


def _known(kind: type[Any], given: object, what: str) -> Mapping[str, Any]:
    """A map from a request, if it has only fields of `kind`."""
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{what} is not a map.", "Leave it empty for the defaults.")
    names = [field.name for field in fields(kind)]
    for name in given:
        _require(name in names, f"{what} are {', '.join(names)}, not {name!r}")
    return given


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise InvalidRequest(f"The request cannot be taken: {sentence}.", "Correct the option.")


def _is_whole(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_key(key: object) -> bool:
    return isinstance(key, str) and 0 < len(key) <= MAX_KEY


def _is_duration(seconds: object) -> bool:
    """A positive number that a calendar can hold; bool is none, and nan compares as false."""
    return type(seconds) in (int, float) and 0 < seconds <= MAX_SECONDS  # type: ignore[operator]


def _is_box(box: object) -> bool:
    """Four whole numbers that enclose at least one pixel."""
    if not isinstance(box, tuple) or len(box) != 4:
        return False
    if not all(_is_whole(edge, 1 << 20) for edge in box):
        return False
    left, top, right, bottom = box
    return bool(left < right and top < bottom)
