"""The control socket: passed by systemd, or bound here; and whether clients still find it."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipsyncd.errors import ConfigInvalid, StateBusy
from lipsyncd.system.disk import unusable
from lipsyncd.system.lock import lock_of, locked, note_command

log = logging.getLogger(__name__)

BACKLOG = 128


class Listener:
    """A listening socket, and the file by which clients find it."""

    def __init__(self, sock: socket.socket, is_ours: bool) -> None:
        """`is_ours` to make anew when the file is gone; otherwise it is a service manager's."""
        self.socket = sock
        self._is_ours = is_ours
        self._path, self._file = _file_of(sock)
        self._is_told = False

    def look(self) -> None:
        """See whether the path still leads here, and make the file anew if it is gone.

        What cannot be mended is told once. Call it while nobody waits to be accepted.
        """
        try:
            if self._path:
                self._look_at(self._path)
        except OSError as error:
            self._tell(f"the socket {self._path} cannot be looked at: {error}")

    def unlink(self) -> None:
        """Remove the file, unless it is somebody else's by now."""
        if self._path and self._file and _is_same(self._file, _found(self._path)):
            self._path.unlink(missing_ok=True)

    def _look_at(self, path: Path) -> None:
        found = _found(path)
        if self._file and _is_same(self._file, found):
            self._file, self._is_told = found, False  # its mode may have been changed
        elif not self._is_ours:
            what = "another file is" if found else "no file is"
            self._tell(
                f"nobody can connect: {what} where the socket {path} was."
                f" Use `systemctl restart {_unit_of(path)}`."
            )
        elif found:
            self._tell(
                f"nobody can connect: another file is where the socket {path} was."
                " Remove it, and the socket comes back."
            )
        else:
            self._renew(path)

    def _renew(self, path: Path) -> None:
        """Another socket, behind the same descriptor: nobody else notices."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as fresh:
            fresh.setblocking(self.socket.getblocking())
            fresh.bind(str(path))
            try:
                self._open(fresh, path)
            except OSError:
                path.unlink(missing_ok=True)  # for the next attempt
                raise
        self._file = path.stat()
        log.warning("server: the socket %s was deleted, and made anew", path)

    def _open(self, fresh: socket.socket, path: Path) -> None:
        """Let those connect who could connect before."""
        path.chmod(0o600)
        if before := self._file:
            with suppress(PermissionError):  # then it is ours alone
                os.chown(path, -1, before.st_gid)
                path.chmod(before.st_mode & 0o777)
        fresh.listen(BACKLOG)
        os.dup2(fresh.fileno(), self.socket.fileno(), inheritable=False)

    def _tell(self, words: str) -> None:
        if not self._is_told:
            log.error("server: %s", words)
        self._is_told = True


@contextmanager
def listening(path: Path, inherited: list[int], command: str = "") -> Iterator[Listener]:
    """The listening socket: the one that was passed, else a new one at `path`, gone at the end.

    Beside the latter stays the `command` that starts the daemon again.
    """
    if inherited:
        with adopted(inherited) as listener:
            yield Listener(listener, is_ours=False)
    else:
        _make_directory(path.parent)
        with locked(lock_of(path), f"the socket {path}"), bound(path) as own:
            note_command(path, command)
            yield own


@contextmanager
def adopted(descriptors: list[int]) -> Iterator[socket.socket]:
    """The one socket of a service manager, which also outlives us."""
    if len(descriptors) != 1:
        raise ConfigInvalid(
            f"{len(descriptors)} sockets were passed.", "Name one ListenStream= in the unit."
        )
    with socket.socket(fileno=os.dup(descriptors[0])) as listener:
        if not _is_listening(listener):
            raise ConfigInvalid("The passed socket is of no use.", "Use a Unix ListenStream=.")
        yield listener


@contextmanager
def bound(path: Path) -> Iterator[Listener]:
    """A socket at `path` that only this user can connect to. Call it under the lock."""
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.bind(str(path))
        except OSError as error:
            raise unusable(f"the socket {path}", error, "Choose another.") from error
        try:
            path.chmod(0o600)  # before anybody can connect
            sock.listen(BACKLOG)
            listener = Listener(sock, is_ours=True)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        try:
            yield listener
        finally:
            listener.unlink()


def _file_of(sock: socket.socket) -> tuple[Path | None, os.stat_result | None]:
    """Its path, None if it has none or we may not look at it; and what is there, if anything."""
    name = sock.getsockname()
    if not name or not isinstance(name, str):  # bytes: of no file system
        return None, None
    try:
        return Path(name), _found(Path(name))
    except OSError:
        return None, None


def _found(path: Path) -> os.stat_result | None:
    """What the path leads to, None if there is nothing."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_same(before: os.stat_result, found: os.stat_result | None) -> bool:
    """Also not another file with its number: a socket keeps its inode as long as it is open."""
    return found is not None and os.path.samestat(before, found)


def _unit_of(path: Path) -> str:
    """The unit that binds the socket; control.sock is the one daemon's, the others have names."""
    return "lipsyncd.socket" if path.stem == "control" else f"lipsyncd@{path.stem}.socket"


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
