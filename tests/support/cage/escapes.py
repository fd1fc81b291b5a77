"""Escapes: what a process that is held in tries, and how each attempt ends.

A captive (captive.py) and a real render (faults.py) try the same.  Where nothing holds them in most
attempts do no harm: there is one file, `here`, that they may spoil.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

Attempts = dict[str, Callable[[], Any]]
GIB = 1 << 30
BUFFER = ctypes.create_string_buffer(8)
LIBC = ctypes.CDLL(None, use_errno=True)
HERE = "here"
REFUSED = {"EPERM", "ENOSYS"}
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


def outcomes(file: int, channel: int, others: Mapping[str, int]) -> dict[str, str]:
    """How each attempt ends; `others` are processes of the same user, by what they are called.

    `file` and `channel`, a socket, are the process's own.
    """
    return {what: outcome(how) for what, how in attempts(file, channel, others).items()}


def outcome(how: Callable[[], Any]) -> str:
    try:
        how()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def attempts(file: int, channel: int, others: Mapping[str, int]) -> Attempts:
    tried = {**of_paths(file), **of_sockets(channel), **of_processes(), **of_the_kernel(file)}
    for name, pid in others.items():
        tried |= of_another(name, pid)
    return tried


def of_paths(file: int) -> Attempts:
    read, write = os.O_RDONLY, os.O_RDWR | os.O_CREAT
    return {
        "open a file": lambda: os.open("/etc/passwd", read),
        "open /dev/null": lambda: os.open("/dev/null", os.O_RDWR),
        "open a relative path": lambda: os.open(HERE, read),
        "open a folder": lambda: os.open(".", os.O_PATH),
        "open an own descriptor anew": lambda: os.open(f"/proc/self/fd/{file}", read),
        "open the own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "list all processes": lambda: os.listdir("/proc"),
        "open in a newer way": lambda: called("openat2", -100, b"here", bytes(24), 24),
        "name by a handle": lambda: called("name_to_handle_at", -100, b".", bytes(136), bytes(8)),
        "open by a handle": lambda: called("open_by_handle_at", -100, bytes(136), 0),
        "make a file": lambda: os.open("there", write),
        "make a file in an older way": lambda: called("creat", b"there", 0o600),
        "make a file without a name": lambda: os.open(".", os.O_TMPFILE | os.O_RDWR),
        "list a folder": lambda: os.listdir("."),
        "look at a path": lambda: os.stat(HERE),
        "ask for a path": lambda: called("access", b"here", 4),
        "read a link": lambda: os.readlink("/proc/1/exe"),
        "make a folder": lambda: os.mkdir("folder"),
        "remove a file": lambda: os.unlink(HERE),
        "rename a file": lambda: os.rename(HERE, "there"),
        "link a file": lambda: os.link(HERE, "link"),
        "cut a file": lambda: os.truncate(HERE, 0),
        "change a mode": lambda: os.chmod(HERE, 0o777),
        "change an own file's mode": lambda: os.fchmod(file, 0o777),
        "go elsewhere": lambda: os.chdir("/"),
        "have another root": lambda: os.chroot("."),
        "mount": lambda: called("mount", b"none", b"nowhere", b"tmpfs", 0, None),
        "unmount": lambda: called("umount2", b"nowhere", 0),
        "watch a folder": lambda: called("inotify_init1", 0),
    }


def of_sockets(channel: int) -> Attempts:
    return {
        "a socket of the internet": lambda: socket.socket(socket.AF_INET),
        "a socket of the machine": lambda: socket.socket(socket.AF_UNIX),
        "a socket of the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "a pair of sockets": socket.socketpair,
        "connect": lambda: called("connect", channel, b"\1\0\0captive", 10),
        "bind": lambda: called("bind", channel, b"\1\0\0captive", 10),
        "listen": lambda: called("listen", channel, 1),
        "accept": lambda: called("accept", channel, None, None),
        "accept4": lambda: called("accept4", channel, None, None, 0),
    }


def of_processes() -> Attempts:
    more = (ctypes.c_uint64 * 2)(4 * GIB, 4 * GIB)
    return {
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "fork": lambda: os._exit(9) if os.fork() == 0 else None,
        "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "look whether anybody is there": lambda: os.kill(-1, 0),
        "take what somebody has": lambda: called("pidfd_getfd", 0, 0, 0),
        "lift the own limit": lambda: called("setrlimit", resource.RLIMIT_DATA, more),
        "outlive the daemon": lambda: called("prctl", 1, 0, 0, 0, 0),
        "leave the session": os.setsid,
    }


def of_another(name: str, pid: int) -> Attempts:
    """On a process of the same user."""
    read, vector = os.O_RDONLY, (ctypes.c_size_t * 2)(ctypes.addressof(BUFFER), len(BUFFER))
    more = (ctypes.c_uint64 * 2)(4 * GIB, 4 * GIB)
    return {
        f"list what {name} has open": lambda: os.listdir(f"/proc/{pid}/fd"),
        f"open what {name} has open": lambda: os.open(f"/proc/{pid}/fd/3", read),
        f"open the memory of {name}": lambda: os.open(f"/proc/{pid}/mem", os.O_RDWR),
        f"open the environment of {name}": lambda: os.open(f"/proc/{pid}/environ", read),
        f"trace {name}": lambda: called("ptrace", 16, pid, None, None),
        f"read {name}": lambda: called("process_vm_readv", pid, vector, 1, vector, 1, 0),
        f"write {name}": lambda: called("process_vm_writev", pid, vector, 1, vector, 1, 0),
        f"look whether {name} is there": lambda: os.kill(pid, 0),
        f"kill {name}": lambda: os.kill(pid, signal.SIGTERM),
        f"kill a thread of {name}": lambda: called("tgkill", pid, pid, signal.SIGTERM),
        f"send {name} a signal": lambda: called("rt_sigqueueinfo", pid, 15, bytes(128)),
        f"let signals go to {name}": lambda: called("fcntl", 1, 8, pid),
        f"hold {name}": lambda: called("pidfd_open", pid, 0),
        f"limit {name}": lambda: called("prlimit", pid, resource.RLIMIT_CORE, more, None),
        f"slow {name}": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    }


def of_the_kernel(file: int) -> Attempts:
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
        "the terminal": lambda: called("ioctl", file, 0x5412, b"x"),
        "another personality": lambda: called("personality", 0),
        "shared memory by a key": lambda: called("shmget", 0, 4096, 0o1600),
        "more rules": lambda: called("landlock_create_ruleset", None, 0, 1),
        "another filter": lambda: called("seccomp", 1, 0, bytes(16)),
    }


def called(name: str, *arguments: Any) -> None:
    """A function of the C library, or a system call by its number; OSError if it failed."""
    if name in NUMBERS:
        done = LIBC.syscall(NUMBERS[name][COLUMN], *arguments)
    else:
        done = getattr(LIBC, name)(*arguments)
    if done == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
