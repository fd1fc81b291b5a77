"""The media store: a folder that hosts share, or a bucket; what is there is there whole."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from lipsyncd.errors import AccessDenied, DiskFull, LipsyncError, StoreFailed
from lipsyncd.system.disk import disk_named, sync
from lipsyncfarm.config import Farm

PIECE = 8 << 20  # bytes of a file that travel at once
TIMEOUTS = {"timeout": "60s", "connect_timeout": "5s"}
RETRIES: Any = {"max_retries": 4}
NO_ROOM = ("os error 28", "os error 122", "No space left")
FORBIDDEN = ("os error 13", "os error 1)", "os error 30", "403", "AccessDenied", "InvalidAccessKey")


class Stored(NamedTuple):
    """An object: its path, and how many seconds ago it was written."""

    path: str
    age: float


class MediaStore:
    """Objects by their paths.  Each method may raise AccessDenied, DiskFull or StoreFailed."""

    def __init__(self, farm: Farm) -> None:
        self.url = farm.store
        parts = urlsplit(farm.store)
        self.folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        with self._named():
            self._store = LocalStore(self.folder) if self.folder else bucket(farm)

    def put(self, path: str, file: IO[bytes]) -> None:
        """A file from its beginning; nobody sees it before it is whole and on disk."""
        file.seek(0)
        with self._named():
            obstore.put(self._store, path, file, chunk_size=PIECE)
        if self.folder:
            with disk_named("the media store"):
                sync(self.folder / path)
                sync((self.folder / path).parent)

    def age(self, path: str) -> float | None:
        """How many seconds ago an object was written, None if there is none."""
        try:
            with self._named():
                return age_of(obstore.head(self._store, path))
        except FileNotFoundError:
            return None

    def read(self, path: str) -> Iterator[bytes]:
        """What an object holds, in pieces.  Raises FileNotFoundError."""
        with self._named():
            for piece in obstore.get(self._store, path).stream(min_chunk_size=PIECE):
                yield bytes(piece)

    def remove(self, path: str) -> None:
        """An object goes; gone already is good as well."""
        try:
            with self._named():
                obstore.delete(self._store, path)
        except FileNotFoundError:
            pass

    def listed(self, folder: str) -> Iterator[Stored]:
        """Every object below."""
        with self._named():
            for page in obstore.list(self._store, folder):
                for each in page:
                    yield Stored(each["path"], age_of(each))

    def tidy(self, seconds: float) -> None:
        """What uploads that were cut off have left in a folder goes, once it is that old.

        In a bucket that is a rule of its operator's (AbortIncompleteMultipartUpload).
        """
        if not self.folder:
            return
        with disk_named("the media store"):
            for path in self.folder.glob("*/*#*"):  # as the library calls what it writes to
                with suppress(FileNotFoundError):  # another host was faster
                    if time.time() - path.stat().st_mtime > seconds:
                        path.unlink()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError, ValueError) as error:
            raise self._name_of(error) from error

    def _name_of(self, error: Exception) -> LipsyncError:
        """The same failure by who has to act."""
        words = " ".join(str(error).split("\n\nDebug source")[0].split()).rstrip(".")
        denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
        if any(each in words for each in NO_ROOM):
            hint = "Try again once its operator has made room there."
            return DiskFull(f"The media store {self.url} is full.", hint)
        if denied or any(each in words for each in FORBIDDEN):
            hint = "Check its permissions, or $LIPSYNCFARM_S3_ACCESS_KEY_ID and its secret."
            return AccessDenied(f"The media store {self.url} may not be used: {words}.", hint)
        hint = "Check `store =`, whether it is mounted here, and whether its server answers."
        return StoreFailed(f"The media store {self.url} cannot do it: {words}.", hint)


def bucket(farm: Farm) -> S3Store:
    """Over S3; each upload carries a checksum that its server checks."""
    given = {
        "region": farm.s3_region,
        "endpoint": farm.s3_endpoint,
        "access_key_id": farm.secret("s3-access-key-id"),
        "secret_access_key": farm.secret("s3-secret-access-key"),
    }
    config: Any = {name: value for name, value in given.items() if value}
    plain: Any = {"allow_http": farm.s3_endpoint.startswith("http://")} | TIMEOUTS
    return S3Store.from_url(
        farm.store,
        config=config | {"checksum_algorithm": "sha256"},
        client_options=plain,
        retry_config=RETRIES,
    )


def age_of(found: Any) -> float:
    """Of an object, in seconds."""
    return time.time() - float(found["last_modified"].timestamp())
