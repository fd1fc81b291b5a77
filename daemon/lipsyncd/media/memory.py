"""Memory: a render that may have no more of it is told so, and its file is not called damaged."""

import errno
import mmap
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import av

from lipsyncd.errors import JobMemoryFull
from lipsyncd.media.limits import ALLOCATION

# What libraries say where they have no error of its own for it: OpenCV, C++, Python's threads
WORDS = ("Insufficient memory", "bad_alloc", "can't start new thread")
LACKING = {errno.ENOMEM, errno.EAGAIN}  # as libav has it: memory, and threads for want of it
GIB = 1 << 30
ROOM = 2 * ALLOCATION  # bytes; what was being made is free again when it is looked


@contextmanager
def memory_named() -> Iterator[None]:
    """What fails in here for want of memory has a name.  Raises JobMemoryFull; others as it is."""
    try:
        yield
    except Exception as error:
        if is_lack(error):
            raise memory_full() from error
        raise


def refuse_lack(error: BaseException) -> None:
    """Raise JobMemoryFull if memory was lacking.

    To libav more than ALLOCATION at once is a lack as well, but that is the file's fault; and x264
    has no other word for it than that it failed.
    """
    if (is_lack(error) or isinstance(error, av.error.ExternalError)) and not has_room():
        raise memory_full() from error


def is_lack(error: BaseException) -> bool:
    """Whether a library says that it got no memory."""
    if isinstance(error, av.FFmpegError):
        return error.errno in LACKING
    return isinstance(error, MemoryError) or any(each in str(error) for each in WORDS)


def has_room() -> bool:
    """Whether the process may have more, as much as libav would ever ask for."""
    try:
        mmap.mmap(-1, ROOM, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return False
    return True


def memory_full() -> JobMemoryFull:
    """The error, with what the process has used and what it may."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024
    most, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return JobMemoryFull(
        f"The render ran out of memory: it has used {used:.1f} GiB, and may ask for "
        f"{most / GIB:.1f} GiB in all.",
        "Give a smaller picture, or ask the operator to raise max_render_memory_bytes.",
    )
