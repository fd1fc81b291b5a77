"""What a job is made of, as it was handed in: its files by content, its options and its terms."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lipsyncd.protocol.choices import refused
from lipsyncd.protocol.job import ALPHABET, ID_LENGTH
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.terms import Terms

LEVELS = {"high": 0, "normal": 1, "low": 2}  # priorities, as the record knows them
CHUNK = 1 << 20  # bytes read at once
MOST_INPUTS = 16
HASH = re.compile("[0-9a-f]{64}")
ID = re.compile(f"[{ALPHABET}]{{{ID_LENGTH}}}")


@dataclass(frozen=True)
class Input:
    """A file: what it is called, for display, and by what it is found; its size in bytes."""

    name: str
    sha256: str
    size: int

    def __post_init__(self) -> None:
        if not HASH.fullmatch(self.sha256) or not 0 < len(self.name) < 256:
            raise refused("an input has no name, or is not found by a SHA-256")

    @property
    def path(self) -> str:
        """Where it is in the store."""
        return f"inputs/{self.sha256}"


@dataclass(frozen=True)
class Spec:
    """A job as it was handed in by `user`: the face, then the voices, then pictures of people, then
    work that was done of it before.

    `options` and `terms` are those of the wire; `voices` is how many of the inputs are voices.  One
    that makes a share names the job `share_of` which it does, and `needs` a host whose bytes have
    this fingerprint.
    """

    user: str
    inputs: tuple[Input, ...]
    voices: int
    options: Mapping[str, Any]
    terms: Mapping[str, Any]
    retry_of: str | None = None
    share_of: str | None = None
    needs: str | None = None

    def dumps(self) -> str:
        """As it is signed, and kept; what is None is left out."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        key = {"key": self.key} if self.key else {}
        return json.dumps(fields | key, sort_keys=True, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Self:
        """What was dumped.  Raises InvalidRequest: whoever has a token may have dumped it."""
        try:
            fields = json.loads(text)
            fields.pop("key", None)
            inputs = tuple(Input(**each) for each in fields.pop("inputs"))
            spec = cls(inputs=inputs, **fields)
            Options.from_map(spec.options)
            Terms.from_map(spec.terms)
            if not 0 < spec.voices < len(inputs) <= MOST_INPUTS:
                raise refused("it is a face and voices, and pictures")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise refused(f"it is no job ({error})") from error
        return spec

    @property
    def key(self) -> str | None:
        """The user's own name for it."""
        return self.terms.get("key")

    @property
    def priority(self) -> str:
        """Whose turn it is first."""
        return str(self.terms.get("priority") or "normal")

    @property
    def pictures(self) -> int:
        """How many of the inputs are pictures of people."""
        return Options.from_map(self.options).pictures

    @property
    def is_whole(self) -> bool:
        """All of it is made, from nothing."""
        is_fresh = len(self.inputs) == 1 + self.voices + self.pictures
        return is_fresh and self.options.get("share") is None

    @property
    def format(self) -> str:
        """Of the result."""
        if self.options.get("share") is not None:
            return "work"
        return str(self.options.get("format") or Options.format)

    def is_same(self, other: Self) -> bool:
        """Whether it is the same files and options."""
        return (self.inputs, self.voices, dict(self.options)) == (
            other.inputs,
            other.voices,
            dict(other.options),
        )


def check_id(id: str) -> None:
    """Raise InvalidRequest for what is no job's id: files are called by it."""
    if not ID.fullmatch(id):
        raise refused("its id is none")


def hash_of(descriptor: int) -> tuple[str, int]:
    """The SHA-256 of a file, and its size."""
    digest, done = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, CHUNK, done):
        digest.update(chunk)
        done += len(chunk)
    return digest.hexdigest(), done
