"""Plans that are kept: a face that was looked through once is not again, whatever is spoken.

A plan is a function of the face, of pictures of people, of the options that have to do with either,
and of how much of the face is shown.
"""

import hashlib
from collections.abc import Sequence
from typing import BinaryIO, Protocol

import msgpack

from lipsyncd.media.spooled import Readable
from lipsyncd.protocol.options import Options
from lipsyncd.render.plan import Plan

FORMAT = 2  # of a plan; another one where the same inputs make other plans
ALL = 0  # frames of the face were looked at, however many there are
CHUNK = 1 << 20
# Options that change nothing of what is seen in a face; all others are thought to.
HEARD = {"voice_track", "silence", "expression", "audio_offset", "from", "to"}
WRITTEN = {"format", "codec", "hdr", "crf", "preset", "keep", "tag", "share"}
ASKED = {"extend", "still", "min_coverage", "max_gap"}


class Cache(Protocol):
    """Where plans lie between renders, by names of 64 hexadecimal digits."""

    def sought(self, names: Sequence[str]) -> BinaryIO | None:
        """The first of these that is there; the caller's to close."""

    def keep(self, name: str, content: bytes) -> None:
        """From now on it is there."""


class NoCache:
    """None: each render makes its own plan."""

    def sought(self, _names: Sequence[str]) -> BinaryIO | None:
        """Nothing is there."""
        return None

    def keep(self, _name: str, _content: bytes) -> None:
        """Nothing is kept."""


class Plans:
    """The plans of one face."""

    def __init__(
        self, cache: Cache, face: Sequence[Readable], options: Options, *more: object
    ) -> None:
        """`face`: its file, and pictures of people; `more` is what plans depend on besides."""
        self._cache = cache
        seen = {
            name: value
            for name, value in options.as_map().items()
            if name not in HEARD | WRITTEN | ASKED
        }
        self._digest = hashlib.sha256(msgpack.packb([FORMAT, seen, *more]))
        if not isinstance(cache, NoCache):
            for each in face:
                self._digest.update(content_of(each))

    def found(self, most: int | None) -> Plan | None:
        """The one that was made of `most` frames (None: of all), if it is there."""
        if (file := self._cache.sought([self._name(most or ALL), self._name(ALL)])) is None:
            return None
        with file:
            try:
                plan = Plan.from_map(msgpack.unpackb(file.read()))
            except (ValueError, TypeError, KeyError, msgpack.UnpackException):
                return None  # another is made, and takes its place
        is_whole = most is None or plan.frames <= most
        return plan if is_whole else None

    def keep(self, most: int | None, plan: Plan) -> None:
        """It was made of `most` frames, or of all there are."""
        is_part = most is not None and plan.frames == most
        name = self._name(plan.frames if is_part else ALL)
        self._cache.keep(name, msgpack.packb(plan.as_map()))

    def _name(self, frames: int) -> str:
        digest = self._digest.copy()
        digest.update(frames.to_bytes(8, "big"))
        return digest.hexdigest()


def content_of(file: Readable) -> bytes:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.digest()
