"""An allocation: no single one that libav makes is larger than any media needs.

What a hostile file makes it ask for beyond that fails as a lack of memory would, and costs nothing.
"""

import ctypes
from pathlib import Path

from lipsyncd.media.limits import ALLOCATION

LIBRARY = "/libavutil"  # how the part of libav that allocates is called


def bound_allocations() -> None:
    """From now on, in this process.  PyAV has no word for it, so the library itself is asked."""
    for path in libraries():
        ctypes.CDLL(path).av_max_alloc(ctypes.c_size_t(ALLOCATION))


def libraries() -> set[str]:
    """Those that are loaded: PyAV and OpenCV may each have their own."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if LIBRARY in line}
