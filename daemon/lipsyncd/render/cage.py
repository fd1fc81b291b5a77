"""The cage: before it looks at media a render gives up all that it will not need.

What a file may make of libav, OpenCV or x264 then has two inputs, one output, a channel to a device
and one to the daemon, and a bounded amount of memory; it opens, starts and reaches nothing else.
All that is needed is imported and used once before (template.py): in here nothing can be.
"""

import ctypes
import logging
import os
import resource
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lipsyncd.render.landlock import give_up_paths
from lipsyncd.render.seccomp import filter_calls

PR_SET_NO_NEW_PRIVS = 38  # of prctl(2)
MOST_DESCRIPTORS = 64  # a render has some ten, and two more for each device that it is led to
STANDARD = {0, 1, 2}
FIRST = 500  # of 1000: where memory runs out the kernel kills a render before others


@dataclass(frozen=True)
class Bounds:
    """What a render may take: of memory, and of the disk for its result."""

    memory_bytes: int
    result_bytes: int


def close_in(descriptors: Collection[int], bounds: Bounds) -> dict[str, object]:
    """Keep these descriptors and stderr, and give up the rest; what is in force from now on.

    Call it in the only thread: threads that are there already would stay outside.
    """
    leave_standard_streams()
    close_others(STANDARD.union(descriptors))
    empty_environment()
    return {
        "oom_score_adj": go_first(),
        "rlimits": limit(bounds),
        "no_new_privs": ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        "landlock": give_up_paths(),
        "seccomp": filter_calls(),
    }


def leave_standard_streams() -> None:
    """stdin and stdout lead nowhere; the log's last words go to stderr, not to the journal."""
    os.dup2(0, 1)  # the daemon starts its children with nothing to read
    logging.basicConfig(level=logging.WARNING, force=True)


def close_others(kept: Collection[int]) -> None:
    """Close all descriptors but these."""
    for one, other in pairwise(sorted({*kept, os.sysconf("SC_OPEN_MAX")})):
        os.closerange(one + 1, other)


def empty_environment() -> None:
    """Python's, and that of libraries."""
    os.environ.clear()
    ctypes.CDLL(None).clearenv()


def go_first() -> int:
    """Be the one whom the kernel kills where memory runs out; what it goes by."""
    score = Path("/proc/self/oom_score_adj")
    score.write_text(str(FIRST), encoding="ascii")
    return int(score.read_text(encoding="ascii"))


def limit(bounds: Bounds) -> bool:
    """Bound memory, the result, descriptors and cores; whether that holds.

    Memory that is written to (RLIMIT_DATA), not addresses (RLIMIT_AS): heaps reserve more of these
    than they use.  No time of the CPU: who takes too long is ended by the daemon, whose clock is on
    the wall.
    """
    lower(resource.RLIMIT_DATA, bounds.memory_bytes)
    lower(resource.RLIMIT_FSIZE, bounds.result_bytes)
    lower(resource.RLIMIT_NOFILE, MOST_DESCRIPTORS)
    lower(resource.RLIMIT_CORE, 0)
    return resource.getrlimit(resource.RLIMIT_DATA)[0] <= bounds.memory_bytes


def lower(kind: int, value: int) -> None:
    """For good; a limit that is lower already stays."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))
