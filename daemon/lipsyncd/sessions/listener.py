"""The control socket: passed by systemd, or bound here."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsyncd.errors import ConfigInvalid, StateBusy
from lipsyncd.host.disk import unusable
from lipsyncd.host.lock import locked

BACKLOG = 128


@contextmanager
def listening(path: Path, inherited: list[int]) -> Iterator[socket.socket]:
    """The listening socket: the one that was passed, else a new one at `path`, gone at the end."""
    if inherited:
        with adopted(inherited) as listener:
            yield listener
    else:
        _make_directory(path.parent)
        lock = path.with_name(f"{path.name}.lock")
        with locked(lock, f"the socket {path}"), bound(path) as listener:
            yield listener


@contextmanager
def adopted(descriptors: list[int]) -> Iterator[socket.socket]:
    """The one socket of a service manager, which also outlives us."""
    if len(descriptors) != 1:
        raise ConfigInvalid(
            f"{len(descriptors)} sockets were passed.", "Name one ListenStream= in the unit."
        )
    with socket.socket(fileno=descriptors[0]) as listener:
        if not _is_listening(listener):
            raise ConfigInvalid("The passed socket is of no use.", "Use a Unix ListenStream=.")
        yield listener


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """A socket at `path` that only this user can connect to. Call it under the lock."""
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(str(path))
        except OSError as error:
            raise unusable(f"the socket {path}", error, "Choose another.") from error
        try:
            path.chmod(0o600)  # before anybody can connect
            listener.listen(BACKLOG)
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Choose another socket with --socket."
        raise unusable(f"the socket's directory {path}", error, hint) from error


def _is_listening(listener: socket.socket) -> bool:
    return (
        listener.family == socket.AF_UNIX
        and listener.type == socket.SOCK_STREAM
        and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    )


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens at, left by a daemon that was killed."""
    if path.exists() and not path.is_socket():
        raise ConfigInvalid(f"{path} is not a socket.", "Choose another path for the socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise unusable(str(path), error, "Choose another.") from error
    raise StateBusy(f"Somebody listens at {path} already.", "Stop it, or choose another socket.")
