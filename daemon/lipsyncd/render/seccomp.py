"""Seccomp: the system calls that a process may still make; the kernel refuses all others.

The calls are counted up that a render makes once it runs, not those that do harm: the list is short
and changes little, while kernels get new calls that nobody here has heard of.  What is refused
gives EPERM; from `clone3` on ENOSYS, as on an older kernel, so that a C library newer than ours
goes back to what was there before.
"""

import ctypes
import errno
import fcntl
import os
import platform
import struct
import termios
from collections.abc import Iterator
from dataclasses import dataclass

PR_SET_SECCOMP, MODE_FILTER = 22, 2  # of prctl(2)
# by machine: how the kernel calls it, and where its numbers stand below
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
X32 = 1 << 30  # from here on numbers are of another ABI of the same machine
CLONE3 = 435  # and later calls have the same numbers on all machines
NONE = -1  # there is no such call on the machine

# Allowed whatever the arguments, those first that are made most; numbers on x86-64, on ARM64.
FREE = """
    futex 202 98, clock_gettime 228 113, mprotect 10 226, madvise 28 233, rt_sigprocmask 14 135,

    read 0 63, readv 19 65, pread64 17 67, preadv 295 69, preadv2 327 286,
    write 1 64, writev 20 66, pwrite64 18 68, pwritev 296 70, pwritev2 328 287,
    lseek 8 62, fstat 5 80, ftruncate 77 46, fsync 74 82, fdatasync 75 83,
    dup 32 23, dup3 292 24, close 3 57, close_range 436 436,

    sendmsg 46 211, sendto 44 206, recvmsg 47 212, recvfrom 45 207, shutdown 48 210,
    getsockname 51 204, getpeername 52 205, getsockopt 55 209,
    poll 7 -1, ppoll 271 73, select 23 -1, pselect6 270 72,

    brk 12 214, mmap 9 222, munmap 11 215, mremap 25 216,

    set_robust_list 273 99, rseq 334 293, exit 60 93, exit_group 231 94,
    sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
    sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,

    rt_sigaction 13 134, rt_sigreturn 15 139, sigaltstack 131 132, restart_syscall 219 128,

    clock_getres 229 114, clock_nanosleep 230 115, nanosleep 35 101, gettimeofday 96 169,
    time 201 -1, times 100 153,

    getpid 39 172, gettid 186 178, getppid 110 173, getuid 102 174, geteuid 107 175,
    getgid 104 176, getegid 108 177, uname 63 160, sysinfo 99 179, getcpu 309 168,
    getrusage 98 165, getrlimit 97 163, getrandom 318 278
"""

# of struct seccomp_data: where its words are
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16
# of linux/bpf_common.h: load a word, mask it, compare it, answer
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000  # answers; KILL ends the whole process
REFUSE, UNKNOWN = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS

CLONE_THREAD = 0x10000
NAMESPACES = 0x7E020080  # all flags of clone(2) for new ones
AT_EMPTY_PATH = 0x1000
F_GET_SEALS = 1034
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41


@dataclass(frozen=True)
class Test:
    """A word of the arguments, masked, has to be one of these."""

    word: int
    allowed: tuple[int, ...]
    mask: int = 0xFFFFFFFF


def low(argument: int) -> int:
    """The place of an argument's lower half."""
    return ARGUMENTS + 8 * argument


def high(argument: int) -> int:
    """The place of its upper half."""
    return low(argument) + 4


def conditional() -> dict[tuple[int, int], list[Test]]:
    """What is allowed with some arguments only, by its numbers."""
    return {
        # clone: a thread of this process, but no other process and no namespace
        (56, 220): [Test(low(0), (CLONE_THREAD,), CLONE_THREAD | NAMESPACES)],
        # kill and tgkill: this process, as abort() and faulthandler do
        (62, 129): [Test(low(0), (os.getpid(),))],
        (234, 131): [Test(low(0), (os.getpid(),))],
        # fcntl: not the owner of a descriptor, to whom the kernel would send signals in our name
        (72, 25): [Test(low(1), DESCRIPTORS)],
        # ioctl: Python's time limits of sockets, and what is closed on exec
        (16, 29): [Test(low(1), (termios.FIONBIO, termios.FIOCLEX, termios.FIONCLEX))],
        # newfstatat: of a descriptor, as fstat() was until glibc 2.39; a path that stands beside
        # the flag is not seen by a filter: that a file is there, and how large, can be found out
        (262, 79): [Test(low(3), (AT_EMPTY_PATH,), AT_EMPTY_PATH)],
        # prctl: names of threads and of memory
        (157, 167): [Test(low(0), (PR_SET_NAME, PR_GET_NAME, PR_SET_VMA))],
        # prlimit64: to read, as of the own stack
        (302, 261): [Test(low(2), (0,)), Test(high(2), (0,))],
    }


DESCRIPTORS = (
    fcntl.F_DUPFD,
    fcntl.F_DUPFD_CLOEXEC,
    fcntl.F_GETFD,
    fcntl.F_SETFD,
    fcntl.F_GETFL,
    fcntl.F_SETFL,
    F_GET_SEALS,
)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def filter_calls() -> bool:
    """From now on, for good, in this thread and those it makes; whether the kernel does it.

    New privileges must have been given up.
    """
    if platform.machine() not in MACHINES:
        return False
    steps = list(program(*MACHINES[platform.machine()]))
    filtering = Program(len(steps), b"".join(steps))
    done = ctypes.CDLL(None).prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(filtering), 0, 0)
    return bool(done == 0)


def program(machine: int, column: int) -> Iterator[bytes]:
    """The filter, in classic BPF."""
    yield from (step(LOAD, MACHINE), step(EQUAL, machine, 1, 0), step(RETURN, KILL))
    yield from (step(LOAD, NUMBER), step(AT_LEAST, X32, 0, 1), step(RETURN, KILL))
    for call in FREE.replace("\n", " ").split(","):
        number = int(call.split()[1 + column])
        if number != NONE:
            yield from (step(EQUAL, number, 0, 1), step(RETURN, ALLOW))
    for numbers, tests in conditional().items():
        checks = [each for test in tests for each in check(test)]
        yield from (step(EQUAL, numbers[column], 0, len(checks) + 1), *checks, step(RETURN, ALLOW))
    yield from (step(AT_LEAST, CLONE3, 0, 1), step(RETURN, UNKNOWN), step(RETURN, REFUSE))


def check(test: Test) -> Iterator[bytes]:
    """Go on behind these steps, or refuse."""
    yield from (step(LOAD, test.word), step(AND, test.mask))
    for left, value in zip(range(len(test.allowed), 0, -1), test.allowed, strict=True):
        yield step(EQUAL, value, left, 0)
    yield step(RETURN, REFUSE)


def step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction; how many are left out if a comparison is true, and if not."""
    return struct.pack("=HBBI", code, yes, no, value)
