"""A captive: a process that has closed itself in as a render does, and what it then tries.

It is run as `captive.py`.  For each line on stdin, the name of a function here, a process is forked
that closes itself in and calls it; what came of it comes on stdout: a line of JSON.
"""

import ctypes
import errno
import faulthandler
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
import traceback
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Never

from lipsyncd.render.cage import Bounds, close_in

GIB = 1 << 30
BOUNDS = Bounds(memory_bytes=2 * GIB, result_bytes=1 << 20)
LIBC = ctypes.CDLL(None, use_errno=True)
HERE = "here"  # a file in the folder where a captive is
OUTER = os.getpid()  # stands for the daemon: the same user's, and the captive's parent
# system calls that the C library has no name for everywhere, on x86-64 and on ARM64
COLUMN = ("x86_64", "aarch64").index(os.uname().machine)
NUMBERS = {
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "perf_event_open": (298, 241),
    "pidfd_open": (434, 434),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "openat2": (437, 437),
    "pidfd_getfd": (438, 438),
    "memfd_secret": (447, 447),
    "init_module": (175, 105),
    "rt_sigqueueinfo": (129, 138),
    "landlock_create_ruleset": (444, 444),
    "seccomp": (317, 277),
    "capset": (126, 91),
}


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


def called(name: str, *arguments: Any) -> None:
    """A function of the C library, or a system call by its number; OSError if it failed."""
    if name in NUMBERS:
        done = LIBC.syscall(NUMBERS[name][COLUMN], *arguments)
    else:
        done = getattr(LIBC, name)(*arguments)
    if done == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


# What is refused


def refused(own: Own) -> dict[str, str]:
    """How each attempt ended."""
    return {what: outcome(how) for what, how in attempts(own).items()}


def outcome(how: Callable[[], Any]) -> str:
    try:
        how()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def attempts(own: Own) -> dict[str, Callable[[], Any]]:
    return {**of_paths(own), **of_sockets(own), **of_processes(), **of_the_kernel(own)}


def of_paths(own: Own) -> dict[str, Callable[[], Any]]:
    """Only what does no harm where nothing refuses it: there is one file, `here`."""
    number = own.face
    read, write = os.O_RDONLY, os.O_RDWR | os.O_CREAT
    return {
        "open a file": lambda: os.open("/etc/passwd", read),
        "open /dev/null": lambda: os.open("/dev/null", os.O_RDWR),
        "open a relative path": lambda: os.open(HERE, read),
        "open a folder": lambda: os.open(".", os.O_PATH),
        "open an own descriptor anew": lambda: os.open(f"/proc/self/fd/{number}", read),
        "open the own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "open what another was told": lambda: os.open(f"/proc/{OUTER}/environ", read),
        "open another's memory": lambda: os.open(f"/proc/{OUTER}/mem", os.O_RDWR),
        "open in a newer way": lambda: called("openat2", -100, b"here", bytes(24), 24),
        "name by a handle": lambda: called("name_to_handle_at", -100, b".", bytes(136), bytes(8)),
        "open by a handle": lambda: called("open_by_handle_at", -100, bytes(136), 0),
        "make a file": lambda: os.open("there", write),
        "make a file in an older way": lambda: called("creat", b"there", 0o600),
        "make a file without a name": lambda: os.open(".", os.O_TMPFILE | os.O_RDWR),
        "list a folder": lambda: os.listdir("."),
        "look at a path": lambda: os.stat(HERE),
        "ask for a path": lambda: called("access", b"here", 4),
        "read a link": lambda: os.readlink(f"/proc/{OUTER}/exe"),
        "make a folder": lambda: os.mkdir("folder"),
        "remove a file": lambda: os.unlink(HERE),
        "rename a file": lambda: os.rename(HERE, "there"),
        "link a file": lambda: os.link(HERE, "link"),
        "cut a file": lambda: os.truncate(HERE, 0),
        "change a mode": lambda: os.chmod(HERE, 0o777),
        "change an own file's mode": lambda: os.fchmod(number, 0o777),
        "go elsewhere": lambda: os.chdir("/"),
        "have another root": lambda: os.chroot("."),
        "mount": lambda: called("mount", b"none", b"nowhere", b"tmpfs", 0, None),
        "unmount": lambda: called("umount2", b"nowhere", 0),
        "watch a folder": lambda: called("inotify_init1", 0),
    }


def of_sockets(own: Own) -> dict[str, Callable[[], Any]]:
    number = own.theirs.fileno()
    return {
        "a socket of the internet": lambda: socket.socket(socket.AF_INET),
        "a socket of the machine": lambda: socket.socket(socket.AF_UNIX),
        "a socket of the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "a pair of sockets": socket.socketpair,
        "connect": lambda: called("connect", number, b"\1\0\0captive", 10),
        "bind": lambda: called("bind", number, b"\1\0\0captive", 10),
        "listen": lambda: called("listen", number, 1),
        "accept": lambda: called("accept", number, None, None),
        "accept4": lambda: called("accept4", number, None, None, 0),
    }


def of_processes() -> dict[str, Callable[[], Any]]:
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
    more = (ctypes.c_uint64 * 2)(4 * GIB, 4 * GIB)
    return {
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": lambda: os._exit(9) if os.fork() == 0 else None,
        "start a process": lambda: subprocess.Popen([b"/bin/true"]),
        "trace the daemon": lambda: called("ptrace", 16, OUTER, None, None),
        "read the daemon": lambda: called("process_vm_readv", OUTER, vector, 1, vector, 1, 0),
        "write the daemon": lambda: called("process_vm_writev", OUTER, vector, 1, vector, 1, 0),
        "look whether the daemon is there": lambda: os.kill(OUTER, 0),
        "kill the daemon": lambda: os.kill(OUTER, signal.SIGTERM),
        "look whether anybody is there": lambda: os.kill(-1, 0),
        "kill a thread of the daemon": lambda: called("tgkill", OUTER, OUTER, signal.SIGTERM),
        "send the daemon a signal": lambda: called("rt_sigqueueinfo", OUTER, 15, bytes(128)),
        "hold the daemon": lambda: called("pidfd_open", OUTER, 0),
        "take what the daemon has": lambda: called("pidfd_getfd", 0, 0, 0),
        "let signals go to the daemon": lambda: called("fcntl", 1, 8, OUTER),
        "change the daemon's limits": lambda: called(
            "prlimit", OUTER, resource.RLIMIT_CORE, more, None
        ),
        "lift the own limit": lambda: called("setrlimit", resource.RLIMIT_DATA, more),
        "slow the daemon": lambda: os.setpriority(os.PRIO_PROCESS, OUTER, 19),
        "outlive the daemon": lambda: called("prctl", 1, 0, 0, 0, 0),
        "leave the session": os.setsid,
    }


def of_the_kernel(own: Own) -> dict[str, Callable[[], Any]]:
    return {
        "a file in memory": lambda: os.memfd_create("captive"),
        "a secret file in memory": lambda: called("memfd_secret", 0),
        "io_uring": lambda: called("io_uring_setup", 1, bytes(120)),
        "userfaultfd": lambda: called("userfaultfd", 0),
        "bpf": lambda: called("bpf", 0, bytes(128), 128),
        "perf_event_open": lambda: called("perf_event_open", bytes(128), 0, -1, -1, 0),
        "keyctl": lambda: called("keyctl", 0, -3, 0),
        "a namespace": lambda: called("unshare", 0x10000000),
        "another's namespace": lambda: called("setns", 0, 0),
        "another user": lambda: os.setuid(os.getuid()),
        "another group": lambda: os.setgroups([]),
        "capabilities": lambda: called("capset", bytes(8), bytes(24)),
        "a module": lambda: called("init_module", None, 0, b""),
        "another kernel": lambda: called("kexec_load", 0, 0, None, 0),
        "reboot": lambda: called("reboot", 0),
        "swap": lambda: called("swapon", b"/captive", 0),
        "the clock": lambda: called("clock_settime", 99, bytes(16)),
        "the terminal": lambda: called("ioctl", own.face, 0x5412, b"x"),
        "another personality": lambda: called("personality", 0),
        "shared memory by a key": lambda: called("shmget", 0, 4096, 0o1600),
        "more rules": lambda: called("landlock_create_ruleset", None, 0, 1),
        "another filter": lambda: called("seccomp", 1, 0, bytes(16)),
    }


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
    return "asked_where_it_is" in os.pread(own.result, 1 << 16, 0).decode()


def another_abi(_own: Own) -> None:
    """getpid() as x32 has it, and where there is no x32 a number that is beyond all calls."""
    LIBC.syscall((1 << 30) + 39)


# The process that forks captives


class Captive:
    """Such a process, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
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
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path(HERE).write_text("a file")
        for line in sys.stdin:
            print(json.dumps(forked(globals()[line.strip()])), flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
