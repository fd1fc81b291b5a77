"""A probe: what a look at a face, and at voices for it, has told; as it travels."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from lipsyncd.protocol.told import read

MOST_BYTES = 512 << 10  # as JSON
MOST_CUTS, MOST_FACES, MOST_GAPS = 500, 100, 200  # that are told


@dataclass(frozen=True)
class Stream:
    """A stream of the face's file.

    `kind` is image, video, audio or another; `codec` and `format` (of its samples) are libav's
    names, of an image the codec is its format; `rate` is frames or samples a second.  What is not
    known is None.
    """

    kind: str
    codec: str
    format: str | None = None
    width: int | None = None
    height: int | None = None
    rate: float | None = None
    channels: int | None = None


@dataclass(frozen=True)
class Shown:
    """A face that was followed from one time to another, in seconds.

    `box`: left, top, right, bottom in pixels, the median of all frames; `turn`: how far the head is
    turned, 0 seen from the front, 0.4 about 45 degrees; `coverage`: in which share of its frames a
    new mouth can be shown; `voice`: the number of the one that its lips follow, from 1, or None.
    """

    start: float
    end: float
    box: tuple[int, ...]
    turn: float
    coverage: float
    voice: int | None


@dataclass(frozen=True)
class Away:
    """Where no new mouth is shown, in seconds, and why."""

    start: float
    end: float
    why: str


@dataclass(frozen=True)
class Sync:
    """`offset_ms` is by how much a sound comes later than the lips; `cosine`, up to 1, how well
    they go together then; `is_in_sync`: nobody would notice."""

    offset_ms: int
    cosine: float
    is_in_sync: bool


@dataclass(frozen=True)
class Probe:
    """`width` and `height` are those of the upright picture, `rate` the result's frames a second,
    `aspect` how much wider than high a pixel is, `rotation` the degrees to the left and
    `is_mirrored` what came before, until it was upright; `colour` names primaries, transfer,
    matrix and range; `seconds` is the length that the file states; of these `looked_seconds` were
    looked at; `coverage` is the share of them in which a new mouth can be shown; `sync` is that of
    the lips and the file's own sound, None where nobody can tell.

    With voices: their `voices` lengths in seconds, and the `frames` and seconds that the result
    would have.  `error` is why a render would fail, as far as was looked; `warnings` are sentences.
    """

    streams: tuple[Stream, ...]
    width: int
    height: int
    rate: float
    aspect: float
    rotation: int
    is_mirrored: bool
    colour: str
    seconds: float | None
    looked_seconds: float
    cuts: tuple[float, ...]
    faces: tuple[Shown, ...]
    gaps: tuple[Away, ...]
    coverage: float
    sync: Sync | None
    voices: tuple[float, ...]
    frames: int
    result_seconds: float | None
    error: dict[str, object] | None
    warnings: tuple[str, ...]

    def as_map(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)

    def to_json(self) -> bytes:
        """As its process writes it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, told: bytes) -> Self:
        """What a process said, of which nothing is believed that is not a probe.

        Raises KeyError, TypeError, ValueError.
        """
        probe: Self = read(cls, json.loads(told))
        return probe
