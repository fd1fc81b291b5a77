"""Tags: ID3, which libav unpacks without a bound, at the beginning of any file and inside some.

Nothing in them matters to a render, so libav never sees one.
"""

import re
from typing import BinaryIO

MOST = 16  # tags in a row that are left out; any more become zeros
HEAD = 10  # bytes that tell a tag and its length
TAG = re.compile(rb"ID3(?=[\x02-\x04][^\xff].[\x00-\x7f]{4})", re.DOTALL)


def tagged_bytes(file: BinaryIO) -> int:
    """How long the tags at the beginning of a file are."""
    length = 0
    for _ in range(MOST):
        if not TAG.match(head := read(file, length, HEAD)):
            break
        length += HEAD + spread(head[6:])
    return length


def read_untagged(file: BinaryIO, size: int) -> bytes:
    """What comes next in a file; where a tag begins it has zeros."""
    place = file.tell()
    before = min(place, HEAD - 1)
    around = read(file, place - before, before + size + HEAD - 1)
    file.seek(min(place + size, place - before + len(around)))
    return TAG.sub(b"\0\0\0", around)[before : before + size]


def spread(size: bytes) -> int:
    """A number of which each byte holds seven bits."""
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))


def read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
