"""Locks: one daemon at a time, and none left over when it dies."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipsyncd.errors import StateBusy
from lipsyncd.system.disk import unusable

FILE = os.O_RDWR | os.O_CREAT
MOST = 4096  # bytes of a command


@contextmanager
def locked_directory(path: Path, what: str) -> Iterator[None]:
    """Hold the file `lock` in it, as earlier versions do, and itself: the file may be deleted."""
    with locked(path / "lock", what), locked(path, what, os.O_DIRECTORY):
        yield


@contextmanager
def locked(path: Path, what: str, flags: int = FILE) -> Iterator[None]:
    """Hold the lock at `path`; StateBusy if another process does. `what` it guards, in words.

    The file stays: whoever removes a lock file lets two hold it.
    """
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(str(path), error, "Choose a place of your own.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateBusy(
                f"Another lipsyncd uses {what}.",
                "Stop it first, or give this one its own; if none runs, see `man lipsyncd`.",
            ) from None
        except OSError as error:
            if flags == FILE:  # NFS locks files alone
                raise unusable(what, error, "Choose a place of your own.") from error
        yield
    finally:
        os.close(descriptor)


def lock_of(socket: Path) -> Path:
    """The file that who listens at a socket has locked; after it, it tells who that was."""
    return socket.with_name(f"{socket.name}.lock")


def note_command(socket: Path, command: str) -> None:
    """Write down, in the lock that is held, what starts the daemon once it is gone."""
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(lock_of(socket), flags, 0o644), "w", encoding="utf-8") as file:
            file.write(command)


def command_at(socket: Path) -> str:
    """What was noted, by this user or by root; empty without that.  Raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    descriptor = os.open(lock_of(socket), flags)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
            return ""  # whoever follows a hint trusts it
        words = file.read(MOST).decode(errors="replace")
    return words if words.isprintable() else ""
