"""Users with real uids, for tests run by root: a daemon of one of them, and clients of all others.

`users daemon UID GID SOCKET ...` binds the socket for the members of the group GID, becomes
the user, and lives as `lipsyncd ...`. `users crowd SOCKET` reads orders from stdin, has each
carried out in a process that has become the user it names, and tells on stdout what came of it.
The daemon takes a file `subuid` beside its socket for /etc/subuid. Both import what they need while
they are still root: nobody else may be able to read it.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsyncd import arguments
from lipsyncd.config import Config
from lipsyncd.errors import LipsyncError, NoFace
from lipsyncd.intake import template
from lipsyncd.main import live
from lipsyncd.processes import child
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options
from lipsyncd.server import subordinate
from support.client.session import connected, session
from support.daemon.process import DaemonProcess, spawn
from support.daemon.renderers import PacedRenderer, Steps, at_once, endless

NO_WAY_IN = "no way in"  # the socket cannot even be connected to
FIRST_DESCRIPTOR = 3  # where a service manager puts the socket
CLONE_NEWUSER = 0x10000000
RANGE = 65536  # subordinate uids that a user is given

PROGRAM = "support.daemon.users"

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class User:
    """Somebody with a uid and with groups, the primary one first.

    With a `subordinate` uid it acts under that, as newuidmap lets it: in a user namespace of its
    own, with its groups kept.
    """

    uid: int
    gids: tuple[int, ...]
    subordinate: int | None = None

    def become(self) -> None:
        """From here on this process is this user's, for good."""
        change = None if self.subordinate is None else changing_to(self.subordinate)
        os.setgroups(self.gids[1:])
        os.setgid(self.gids[0])
        os.setuid(self.uid)
        if change:
            change()

    def as_list(self) -> list[Any]:
        """What a user is made of, for another process."""
        return [self.uid, self.gids, self.subordinate]


class Crowd:
    """The process that becomes whoever it is told to, from outside."""

    def __init__(self, socket: Path) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = spawn("-m", PROGRAM, "crowd", socket, **pipes)
        self._log = socket.with_name("log")

    @property
    def log(self) -> str:
        """What the daemon has said."""
        return self._log.read_text()

    def ask(self, user: User, verb: str, *files: str, **fields: object) -> Any:
        """The reply to this user in a session of its own, or an event; or the error as a map."""
        return self._order({"user": user.as_list(), "ask": [verb, files, fields]})

    def hold(self, user: User, sessions: int) -> list[str]:
        """Open so many sessions at once, to be held until the end; what came of each."""
        found: list[str] = self._order({"user": user.as_list(), "hold": sessions})
        return found

    def knock(self, user: User, sessions: int) -> None:
        """Connect so often at once and say nothing."""
        self._tell({"user": user.as_list(), "knock": sessions})

    def hear(self) -> str:
        """The name of the next error that comes to somebody who knocked."""
        return str(self._heard())

    def close(self) -> None:
        """All hang up: its stdin ends, and so does it."""
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
        self._process.wait()

    def _order(self, order: dict[str, object]) -> Any:
        self._tell(order)
        return self._heard()

    def _tell(self, order: dict[str, object]) -> None:
        print(json.dumps(order), file=self._process.stdin, flush=True)

    def _heard(self) -> Any:
        return json.loads(self._process.stdout.readline())


def can_be_subordinate() -> bool:
    """Whether a user can have a namespace of its own here, and an uid in it."""
    if not (child := os.fork()):
        with suppress(OSError):
            User(4001, (4001,), 100000).become()
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory of the test's that everybody may enter, unlike those of pytest."""
    directory = Path(tempfile.mkdtemp(prefix="lipsyncd-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def served(directory: Path, user: User, gid: int, toml: str = "") -> Iterator[Crowd]:
    """A daemon of this user, which members of this group may connect to, and its clients."""
    path, pipe = directory / "control.sock", {"stdout": subprocess.PIPE, "text": True}
    (directory / "state").mkdir(mode=0o700)
    os.chown(directory / "state", user.uid, user.gids[0])
    program = (PROGRAM, "daemon", user.uid, gid, path)
    with DaemonProcess(directory, toml, program=program, **pipe) as daemon:
        assert daemon.process.stdout.readline() == "ready\n", daemon.log
        with closing(Crowd(path)) as crowd:
            yield crowd


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
    subordinate.RANGES = Path(path).with_name("subuid")
    arguments.parse(words)  # a rehearsal, for what argparse imports only then
    child._started = forked  # the user may not be able to read the interpreter
    User(int(uid), (int(uid), int(gid))).become()
    sys.argv[1:] = words
    live(load)


class Forked:
    """A process that runs on in this one's memory, with the methods of Popen that are used."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.pid = os.fork()
        if not self.pid:
            run()
            os._exit(0)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def forked(_module: str, descriptor: int) -> Forked:
    """The intake's template, the only child of such a daemon."""

    def run() -> None:
        os.closerange(3, descriptor)
        os.closerange(descriptor + 1, 1024)
        sys.argv[1:] = [str(descriptor)]
        template.main()

    return Forked(run)


def load(_config: Config, _report: Callable[[str], None]) -> PacedRenderer:
    os.write(1, b"ready\n")
    return PacedRenderer(render)


def render(options: Options, paths: Paths, *_: object) -> Steps:
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
            try:
                User(*order["user"]).become()
                carry_out(path, order)
            except Exception:
                traceback.print_exc()
                print("null", flush=True)  # somebody waits for an answer
            os._exit(0)
        if "ask" not in order:
            staying.append(child)
        else:
            os.waitpid(child, 0)
    for child in staying:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def changing_to(uid: int) -> Callable[[], None]:
    """What this process calls as a user to get this subordinate uid; root is asked for it now."""
    unshared, process = os.eventfd(0), os.getpid()
    if not (root := os.fork()):
        os.eventfd_read(unshared)
        Path(f"/proc/{process}/uid_map").write_text(
            f"1 {uid} {RANGE}"
        )  # one write, as it has to be
        os._exit(0)

    def change() -> None:
        if libc.unshare(CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "no user namespace")
        os.eventfd_write(unshared, 1)
        assert os.waitpid(root, 0)[1] == 0
        os.setuid(1)

    return change


def carry_out(path: str, order: dict[str, Any]) -> None:
    if "ask" in order:
        print(json.dumps(answer(path, *order["ask"])), flush=True)
        return None
    if "knock" in order:
        return knock(path, order["knock"])
    with ExitStack() as sessions:
        print(json.dumps([begun(path, sessions) for _ in range(order["hold"])]), flush=True)
        signal.pause()
    return None


def knock(path: str, times: int) -> None:
    """Tells each answer as it comes."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(connected(path)) for _ in range(times)]
        while waiting:
            for connection in select.select(waiting, [], [])[0]:
                waiting.remove(connection)
                message = connection.receive()
                line = json.dumps(message and message.body["name"]) + "\n"
                os.write(1, line.encode())  # whole: others tell theirs at the same time


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


def memory(content: str, opened: ExitStack) -> int:
    """A descriptor of a file with this content."""
    descriptor = os.memfd_create("input")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content.encode())
    return descriptor


def read(descriptor: int) -> str:
    with os.fdopen(descriptor, errors="replace") as file:
        return file.read()


ROLES: dict[str, Callable[..., None]] = {"daemon": live_as, "crowd": obey}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
