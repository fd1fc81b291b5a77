"""A captive: a process that has closed itself in as a render does, and what it then tries.

It is run by `python -m`.  For each line on stdin, the name of a function here, a process is forked
that closes itself in and calls it; what came of it comes on stdout: a line of JSON.
"""

import ctypes
import errno
import faulthandler
import io
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

import av

from lipsyncd.media.output import Output
from lipsyncd.protocol.outputs import CODECS
from lipsyncd.render.cage import Bounds, close_in
from lipsyncd.render.template import import_all
from support.cage import escapes
from support.cage.escapes import GIB, HERE, LIBC
from support.paths import WITH_TESTS

PAUSE_SECONDS = 0.01
BOUNDS = Bounds(memory_bytes=2 * GIB, result_bytes=1 << 20)


class Own:
    """What a captive has: a file to read, one to write, and its ends of two talks."""

    def __init__(self) -> None:
        self.face, self.result = os.memfd_create("face"), os.memfd_create("result")
        os.write(self.face, b"face")
        self.ours, self.theirs = socket.socketpair()
        self.hear, self.say = socket.socketpair()

    def close(self) -> None:
        for each in (self.ours, self.theirs, self.hear, self.say):
            each.close()
        os.close(self.face)
        os.close(self.result)

    def kept(self) -> list[int]:
        return [self.face, self.result, self.theirs.fileno(), self.say.fileno()]


def refused(own: Own) -> dict[str, str]:
    """How each attempt at getting out ended."""
    return escapes.outcomes(own.face, own.theirs.fileno(), {"the parent": os.getppid()})


# What goes on working


def descriptors(own: Own) -> Any:
    """Which there are."""
    found = []
    for number in range(1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return sorted({0, 1, 2, *own.kept()} ^ set(found))


def nothing_on_stdout(_own: Own) -> Any:
    print("words that a library says", flush=True)


def files(own: Own) -> Any:
    """What is read, and how much is written."""
    with os.fdopen(own.result, "r+b", closefd=False) as result:
        result.write(b"result")
        result.flush()
        os.fsync(result.fileno())
        os.ftruncate(result.fileno(), 3)
    return [os.pread(own.face, 9, 0).decode(), os.fstat(own.result).st_size]


def talk(own: Own) -> Any:
    """A descriptor that comes with a message, and what is in it."""
    _, control, _, _ = own.theirs.recvmsg(1, socket.CMSG_SPACE(4))
    (memory,) = array("i", control[0][2])
    own.theirs.settimeout(5)
    own.theirs.sendall(b"y")
    with mmap.mmap(memory, 6) as shared:
        return shared[:].decode()


def threads(_own: Own) -> Any:
    made: list[int] = []
    all_of_them = [threading.Thread(target=made.append, args=[each]) for each in range(32)]
    for each in all_of_them:
        each.start()
    for each in all_of_them:
        each.join()
    return sorted(made) == list(range(32))


def encoders(_own: Own) -> Any:
    """The codecs whose encoders get along with the calls that are left, in threads of their own."""
    return [codec for codec in CODECS if is_encoded(Output("mkv", codec))]


def is_encoded(output: Output) -> bool:
    """Whether as many packets come out as pictures go in."""
    with av.open(io.BytesIO(), "w", output.muxer.name) as container:
        stream = container.add_stream(output.encoder.name, rate=25, options=output.settings(0))
        stream.width = stream.height = 128
        stream.pix_fmt = output.encoder.pixels
        pictures = [av.VideoFrame(128, 128, stream.pix_fmt) for _ in range(12)]
        return sum(len(stream.encode(picture)) for picture in [*pictures, None]) == len(pictures)


def environment(_own: Own) -> Any:
    LIBC.getenv.restype = ctypes.c_char_p
    return [*os.environ, LIBC.getenv(b"PATH")]


def limits(_own: Own) -> Any:
    kinds = ("DATA", "FSIZE", "NOFILE", "CORE")
    return {kind: resource.getrlimit(getattr(resource, f"RLIMIT_{kind}")) for kind in kinds}


def too_much_memory(_own: Own) -> Any:
    try:
        bytearray(3 * GIB)
    except MemoryError:
        return "no memory"


def too_large_a_result(own: Own) -> Any:
    try:
        while True:
            os.write(own.result, bytes(1 << 16))
    except OSError as error:
        return [errno.errorcode[error.errno or 0], os.fstat(own.result).st_size]


# How it may end


def abort(own: Own) -> None:
    faulthandler.enable(own.result)
    os.abort()


def crash(own: Own) -> None:
    faulthandler.enable(own.result)
    ctypes.string_at(0)


def asked_where_it_is(own: Own) -> Any:
    faulthandler.register(signal.SIGUSR1, own.result)
    os.kill(os.getpid(), signal.SIGUSR1)
    while "asked_where_it_is" not in os.pread(own.result, 1 << 16, 0).decode():
        time.sleep(PAUSE_SECONDS)  # another thread may have been told
    return True


def another_abi(_own: Own) -> None:
    """getpid() as x32 has it, and where there is no x32 a number that is beyond all calls."""
    LIBC.syscall((1 << 30) + 39)


# The process that forks captives


class Captive:
    """Such a process, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | {"PYTHONPATH": WITH_TESTS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def does(self, act: Callable[..., Any]) -> dict[str, Any]:
        """What comes of it: `status`, what is `written`; `cage`, `answer` if it got so far."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{act.__name__}\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def forked(act: Callable[[Own], Any]) -> dict[str, Any]:
    """What comes of it in a process of its own that has closed itself in."""
    own = Own()
    if not (pid := os.fork()):
        become_captive(act, own)
    own.say.close()
    memory = os.memfd_create("shared")
    os.write(memory, b"shared")
    own.ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [memory]))])
    os.close(memory)
    with own.hear.makefile("rb") as heard:
        said = heard.read()
    written = os.pread(own.result, 1 << 16, 0).decode(errors="replace")
    own.close()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"status": status, "written": written, **json.loads(said or "{}")}


def become_captive(act: Callable[[Own], Any], own: Own) -> Never:
    """The child."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        cage = close_in(own.kept(), BOUNDS)
        own.say.sendall(json.dumps({"cage": cage, "answer": act(own)}).encode())
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def main() -> None:
    import_all()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(HERE).write_text("a file")
        for line in sys.stdin:
            print(json.dumps(forked(globals()[line.strip()])), flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
