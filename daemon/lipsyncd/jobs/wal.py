"""The store's log, looked through before SQLite does, which takes damage for the log's end."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = struct.Struct(">4I8s8s")  # magic, version, page size, restarts; salts, checksum
FRAME = struct.Struct(">2I8s8s")  # page, pages of the store if it ends a commit; salts, checksum
SUMMED = 8  # bytes of a frame's header that its checksum is about
PAGE = 4096  # bytes, of every store that nobody made otherwise


def has_lost_commits(path: Path) -> bool:
    """Whether the log of this store proves that there were commits which SQLite would not find.

    A commit is proven by a frame that was written after it. What a crash leaves torn behind the
    last commit is no proof, and neither is what is left of an earlier use of the log.
    """
    log = _content(path.with_name(path.name + "-wal"))
    if len(log) < HEADER.size:
        return False
    if not _content(path, 1):
        return True  # SQLite would drop the log with everything in it
    *_, page, _, salt, checksum = HEADER.unpack_from(log)
    sound = _sum(log[: HEADER.size - 8], bytes(8)) == checksum
    if not sound:  # but the frames are still to be found, and tell what it said
        page, salt = PAGE, log[HEADER.size + SUMMED : HEADER.size + SUMMED + len(salt)]
    after_commit = False
    for frame_salt, follows, commits in _frames(log, page, checksum):
        sound = sound and follows and frame_salt == salt
        if not sound and follows and frame_salt == salt and after_commit:
            return True
        after_commit = commits
    return False


def _frames(log: bytes, page: int, checksum: bytes) -> Iterator[tuple[bytes, bool, bool]]:
    """Each frame's salt, whether it was written after the one before it, and if it commits."""
    size = FRAME.size + page
    for start in range(HEADER.size, len(log) - size + 1, size):
        _, commits, salt, own = FRAME.unpack_from(log, start)
        summed = log[start : start + SUMMED] + log[start + FRAME.size : start + size]
        yield salt, _sum(summed, checksum) == own, commits > 0
        checksum = own


def _sum(data: bytes, start: bytes) -> bytes:
    """SQLite's checksum, which goes on from the one before."""
    first, second = struct.unpack(">2I", start)
    order = "<" if sys.byteorder == "little" else ">"
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second)


def _content(path: Path, most: int = -1) -> bytes:
    """The bytes of a file, none if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except FileNotFoundError:
        return b""
