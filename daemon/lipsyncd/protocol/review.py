"""A review: what a look at a result, and at what it was made of, has told; as it travels."""

from dataclasses import asdict, dataclass
from typing import Self

import msgpack

from lipsyncd.protocol.probe import Away, Sync
from lipsyncd.protocol.told import read

MOST_BYTES = 32 << 20  # as msgpack
MOST_MOMENTS = 12


@dataclass(frozen=True)
class Moment:
    """A time of the result, in seconds, that is worth a look, and `why`; the face `before`, as it
    was handed in, and `after`, as JPEGs of the same part of the picture.  Where what was handed in
    is no longer there `before` is None."""

    at: float
    why: str
    before: bytes | None
    after: bytes


@dataclass(frozen=True)
class Review:
    """`seconds` is how long the result is, of which `looked_seconds` were looked at from its
    beginning, at `rate` frames a second.

    For each of these frames: `loudness`, the loudest of the sound, 0 to 1, and `opening`, how far
    the lips are open: the area between them by the square of their width, None without a face.
    `cuts` are seconds at which a shot begins; `gaps` is where no new mouth is shown; `sync` is how
    sound and lips of the result go together, None where nobody can tell.  `looking_seconds` is what
    of the render was the look at the face, None where that is not known; `missing` are sentences on
    what cannot be told.
    """

    seconds: float
    looked_seconds: float
    rate: float
    loudness: tuple[float, ...]
    opening: tuple[float | None, ...]
    cuts: tuple[float, ...]
    gaps: tuple[Away, ...]
    sync: Sync | None
    moments: tuple[Moment, ...]
    looking_seconds: float | None
    missing: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """As its process writes it."""
        made: bytes = msgpack.packb(asdict(self))
        return made

    @classmethod
    def from_bytes(cls, told: bytes) -> Self:
        """What a process said, of which nothing is believed that is not a review.

        Raises KeyError, TypeError, ValueError.
        """
        review: Self = read(cls, msgpack.unpackb(told))
        return review
