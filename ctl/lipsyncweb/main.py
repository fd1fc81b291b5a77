"""The `lipsyncweb` command: a socket, the page behind its gate, and uvicorn."""

import getpass
import os
import socket
import stat
import sys
import tempfile
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from lipsyncd.errors import HostExhausted, LipsyncError, UsageError
from lipsyncd.system.notify import Notifier
from lipsyncweb.arguments import GIB, parse, refuse_strangers
from lipsyncweb.folder import Folder
from lipsyncweb.gate import Gate
from lipsyncweb.jobs import Clients, clients
from lipsyncweb.looking import Looking
from lipsyncweb.make import Parts
from lipsyncweb.page import mounted
from lipsyncweb.routes import Routes, on_error
from lipsyncweb.users import Everybody, FromProxy, User, Users, WithPasswords, line_of
from lipsyncweb.watch import Watch

BACKLOG = 128


def main() -> int:
    """Every failure ends as one line and an exit code."""
    try:
        arguments = parse()
        if arguments.password:
            sys.stdout.write(f"{line_of(arguments.password, getpass.getpass())}\n")
            return 0
        with ExitStack() as stack:
            return serve(arguments, stack)
    except LipsyncError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return error.code
    except OSError as error:  # an address or a folder that cannot be used
        sys.stderr.write(f"{error}\n")
        return HostExhausted.code


def serve(arguments: Namespace, stack: ExitStack) -> int:
    """Until a signal; the exit code."""
    given = arguments.folder or os.environ.get("CACHE_DIRECTORY")
    place = given or stack.enter_context(tempfile.TemporaryDirectory(prefix="lipsyncweb-"))
    folder = Folder(Path(place), int(arguments.room * GIB), int(arguments.largest * GIB))
    notifier = Notifier()
    app = Gate(built(arguments, folder, notifier), users(arguments), arguments.hosts, folder)
    listening, address = listened(arguments, notifier.sockets)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, lifespan="on")
    sys.stderr.write(f"The page is at {address}\n")
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def built(arguments: Namespace, folder: Folder, notifier: Notifier) -> FastAPI:
    """The page and what is asked beside it."""
    speak: Clients = clients(arguments.socket, arguments.farm)
    watch = Watch(lambda: speak(User("", is_admin=True))[0])

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        watch.start()
        notifier.ready()
        yield
        watch.stop()

    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(LipsyncError, on_error)
    app.include_router(Routes(speak, folder, watch).router)
    return mounted(app, Parts(speak, folder, Looking(folder.uploads), watch))


def users(arguments: Namespace) -> Users:
    """How the page learns who asks."""
    if arguments.auth:
        return WithPasswords(arguments.auth, arguments.admin)
    if arguments.trust_header:
        return FromProxy(arguments.trust_header, arguments.admin)
    return Everybody()


def listened(arguments: Namespace, given: Sequence[int]) -> tuple[socket.socket, str]:
    """A socket that listens, and what it is called: systemd's, if it has given one.

    Raises UsageError.
    """
    where = str(arguments.listen)
    if given:
        sock = socket.socket(fileno=given[0])
        if sock.family != socket.AF_UNIX:
            refuse_strangers(arguments, sock.getsockname()[0])
        return sock, "systemd's socket"
    if where.startswith("unix:"):
        return bound(where.removeprefix("unix:")), where
    host, _, port = where.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=BACKLOG)
    return sock, f"http://{host}:{sock.getsockname()[1]}/"


def bound(path: str) -> socket.socket:
    """A socket at a path, for the user and the group: a proxy is in it."""
    if os.path.exists(path):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise UsageError(f"{path} is no socket.", "Name another with --listen.")
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(0o117)
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(BACKLOG)
    return sock


if __name__ == "__main__":
    sys.exit(main())
