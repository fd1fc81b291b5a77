"""Users with real uids, for tests run by root: a daemon of one of them, and clients of all others.

`people.py daemon UID GID SOCKET ...` binds the socket for the members of the group GID, becomes
the user, and lives as `lipsyncd ...`. `people.py crowd SOCKET` reads orders from stdin, has each
carried out in a process that has become the user it names, and tells on stdout what came of it.
Both import what they need while they are still root: nobody else may be able to read it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from living import Client
from paced import Steps, Studio, at_once, endless

from lipsyncd import arguments
from lipsyncd.config import Config
from lipsyncd.connection import Connection
from lipsyncd.errors import LipsyncError, NoFace
from lipsyncd.jobs.job import Paths
from lipsyncd.jobs.options import Options
from lipsyncd.main import live

NO_WAY_IN = "no way in"  # the socket cannot even be connected to
FIRST_DESCRIPTOR = 3  # where a service manager puts the socket


@dataclass(frozen=True)
class User:
    """Somebody with a uid and with groups, the primary one first."""

    uid: int
    gids: tuple[int, ...]

    def become(self) -> None:
        """From here on this process is this user's, for good."""
        os.setgroups(self.gids[1:])
        os.setgid(self.gids[0])
        os.setuid(self.uid)


class Crowd:
    """The process that becomes whoever it is told to, from outside."""

    def __init__(self, socket: Path) -> None:
        self._process = spawn("crowd", socket)

    def ask(self, user: User, verb: str, *files: str, **fields: object) -> Any:
        """The reply to this user in a session of its own, or an event; or the error as a map."""
        return self._order({"user": [user.uid, user.gids], "ask": [verb, files, fields]})

    def hold(self, user: User, sessions: int) -> list[str]:
        """Open so many sessions at once, to be held until the end; what came of each."""
        found: list[str] = self._order({"user": [user.uid, user.gids], "hold": sessions})
        return found

    def leave(self) -> None:
        """All hang up."""
        close(self._process)

    def _order(self, order: dict[str, object]) -> Any:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


@contextmanager
def served(directory: Path, user: User, gid: int, *words: str) -> Iterator[Crowd]:
    """A daemon of this user, which members of this group may connect to, and its clients."""
    path, log = directory / "control.sock", directory / "log"
    (directory / "state").mkdir(mode=0o700)
    os.chown(directory / "state", user.uid, user.gids[0])
    places = ["--state", directory / "state", "--socket", path, *words]
    daemon, crowd = spawn("daemon", user.uid, gid, path, *places, log=log), Crowd(path)
    try:
        assert daemon.stdout
        assert daemon.stdout.readline() == "ready\n", log.read_text()
        yield crowd
    finally:
        crowd.leave()
        daemon.terminate()
        close(daemon)


def spawn(*words: object, log: Path | None = None) -> subprocess.Popen[str]:
    with ExitStack() as stack:
        return subprocess.Popen(
            [sys.executable, __file__, *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stack.enter_context(log.open("w")) if log else None,
            text=True,
        )


def close(process: subprocess.Popen[str]) -> None:
    """Its stdin ends, and so does it."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    process.wait()


# What happens in the processes


def live_as(uid: str, gid: str, path: str, *words: str) -> None:
    """A daemon; its exit code is the process's."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chown(path, 0, int(gid))
    os.chmod(path, 0o660)
    listener.listen(128)
    os.dup2(listener.fileno(), FIRST_DESCRIPTOR)
    os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    arguments.parse(words)  # a rehearsal, for what argparse imports only then
    User(int(uid), (int(uid), int(gid))).become()
    sys.argv[1:] = words
    live(load)


def load(_config: Config, _report: Callable[[str], None]) -> Studio:
    os.write(1, b"ready\n")
    return Studio(render)


def render(options: Options, paths: Paths) -> Steps:
    """What the face says: it fails, or hangs, or is done at once."""
    match paths.face.read_bytes():
        case b"fails":
            raise NoFace("There is no face in the video.", "Use another.")
        case b"hangs":
            for step in endless(options, paths):
                time.sleep(0.01)
                yield step
        case _:
            yield from at_once(options, paths)


def obey(path: str) -> None:
    """Order after order until there are no more; who was told to stay goes then."""
    staying = []
    for line in sys.stdin:
        order = json.loads(line)
        if not (child := os.fork()):
            User(order["user"][0], tuple(order["user"][1])).become()
            carry_out(path, order)
            os._exit(0)
        if "hold" in order:
            staying.append(child)
        else:
            os.waitpid(child, 0)
    for child in staying:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def carry_out(path: str, order: dict[str, Any]) -> None:
    if "ask" in order:
        print(json.dumps(answer(path, *order["ask"])), flush=True)
        return
    with ExitStack() as sessions:
        print(json.dumps([begun(path, sessions) for _ in range(order["hold"])]), flush=True)
        signal.pause()


def answer(path: str, verb: str, files: Sequence[str], fields: dict[str, object]) -> Any:
    """What one request comes to; a descriptor in the reply is its content."""
    try:
        with ExitStack() as opened:
            client = opened.enter_context(session(path))
            client.say(verb, tuple(memory(content, opened) for content in files), **fields)
            with client.hear() as message:
                content = {"content": read(message.take())} if message.descriptors else {}
                return message.body | content
    except PermissionError:
        return {"name": NO_WAY_IN}
    except LipsyncError as error:
        return error.as_map()


def begun(path: str, sessions: ExitStack) -> str:
    """The daemon's first word in a new session."""
    try:
        sessions.enter_context(session(path))
    except LipsyncError as error:
        return error.name
    return "welcomed"


@contextmanager
def session(path: str) -> Iterator[Client]:
    sock = socket.socket(socket.AF_UNIX)
    with Connection(sock) as connection:
        sock.connect(path)
        yield Client(connection)


def memory(content: str, opened: ExitStack) -> int:
    """A descriptor of a file with this content."""
    descriptor = os.memfd_create("input")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content.encode())
    return descriptor


def read(descriptor: int) -> str:
    with os.fdopen(descriptor) as file:
        return file.read()


ROLES: dict[str, Callable[..., None]] = {"daemon": live_as, "crowd": obey}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
