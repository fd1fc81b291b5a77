"""Who asks: by a password, by the header of a proxy, or whoever is at this machine."""

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lipsyncd.errors import ConfigInvalid
from lipsyncd.protocol.values import text

NAME = text(r"[^\x00-\x20\x7f:]{1,64}", "is 1 to 64 characters, without spaces and colons")
MAX_KNOWN = 1000  # headers of which it is known whose they are


@dataclass(frozen=True)
class User:
    """`name` is empty for the only user of a page that asks nobody who they are."""

    name: str
    is_admin: bool


class Users(Protocol):
    """`challenge` is what a browser is asked with who has not said who they are."""

    challenge: str | None

    def user_of(self, headers: Mapping[str, str]) -> User | None:
        """Who sent a request with these headers, whose names are in lower case; None: nobody."""


class Everybody:
    """Who reaches the page is its one user."""

    challenge = None

    def user_of(self, headers: Mapping[str, str]) -> User | None:
        return User("", is_admin=True)


class FromProxy:
    """A proxy in front of the page has asked, and says who it is in a header."""

    challenge = None

    def __init__(self, header: str, admins: Collection[str]) -> None:
        self._header = header.lower()
        self._admins = admins

    def user_of(self, headers: Mapping[str, str]) -> User | None:
        name = headers.get(self._header, "")
        return User(name, name in self._admins) if name in NAME else None


class WithPasswords:
    """A file of lines NAME:HASH, the hashes argon2's; it is read again when it has changed."""

    challenge = 'Basic realm="lipsync", charset="UTF-8"'

    def __init__(self, path: Path, admins: Collection[str]) -> None:
        self._path = path
        self._admins = admins
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("")  # costs whoever is unknown the same time
        self._known: dict[bytes, str] = {}
        self._lock = Lock()  # an argon2 at a time: each takes 64 MiB
        self._read_at = 0.0
        self._hashes: dict[str, str] = {}
        self._read()

    def user_of(self, headers: Mapping[str, str]) -> User | None:
        given = credentials(headers.get("authorization", ""))
        if not given:
            return None
        digest = hashlib.sha256(":".join(given).encode()).digest()
        with self._lock:
            self._read()
            if self._known.get(digest) != given[0]:
                if not self._is_right(*given):
                    return None
                if len(self._known) >= MAX_KNOWN:
                    self._known.clear()
                self._known[digest] = given[0]
        return User(given[0], given[0] in self._admins)

    def _is_right(self, name: str, password: str) -> bool:
        try:
            self._hasher.verify(self._hashes.get(name, self._nobody), password)
        except (VerificationError, InvalidHashError):
            return False
        return name in self._hashes

    def _read(self) -> None:
        """Raises ConfigInvalid."""
        try:
            changed_at = self._path.stat().st_mtime
            if changed_at == self._read_at:
                return
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise invalid(self._path, f"cannot be read: {error}") from error
        pairs = [line.strip().partition(":") for line in lines if line.strip()]
        for name, _, hash in pairs:
            if name not in NAME or not hash.startswith("$argon2"):
                raise invalid(self._path, f"has a line that is not NAME:HASH ({name[:64]!r})")
        self._hashes = {name: hash for name, _, hash in pairs}
        self._known.clear()
        self._read_at = changed_at


def credentials(header: str) -> tuple[str, str] | None:
    """The name and the password in a header of HTTP's basic scheme."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon and name in NAME else None


def line_of(name: str, password: str) -> str:
    """A line of the file of passwords."""
    return f"{name}:{PasswordHasher().hash(password)}"


def invalid(path: Path, words: str) -> ConfigInvalid:
    """The file of passwords is of no use."""
    return ConfigInvalid(
        f"The file {path} {words}.", "`lipsyncweb --password NAME` makes a line of it."
    )
