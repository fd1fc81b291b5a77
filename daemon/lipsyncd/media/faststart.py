"""Faststart: an MP4's index is moved to its front, so that a player may begin before it has it all.

libav does the same in one call, which says nothing for as long as the disk takes and holds the
interpreter meanwhile; here it is done in pieces.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

PIECE = 8 << 20  # bytes moved at once
HEADER = 8  # bytes: a size, and a kind of four letters
NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}  # on the way to the tables of places
NARROW, WIDE = (b"stco", 4), (b"co64", 8)  # kinds of such tables, and the bytes of a place in each
LARGEST = 0xFFFFFFFF  # place that a narrow table holds

Part = tuple[bytes, int, int]  # a box: its kind, and where it begins and ends


def move_to_front(file: BinaryIO) -> None:
    """Move the index of a whole MP4 behind its first box.

    What is no MP4 with its index at the end stays as it is.  Raises OSError.
    """
    size = file.seek(0, os.SEEK_END)
    boxes = list(boxes_in(file, size))
    if [kind for kind, *_ in boxes[:1] + boxes[-1:]] != [b"ftyp", b"moov"]:
        return
    _, begin, end = boxes[-1]
    index = moved(read_at(file, begin, end - begin))
    front = boxes[0][2]
    shift(file, front, begin, len(index))
    file.seek(front)
    file.write(index)
    file.flush()


def boxes_in(file: BinaryIO, size: int) -> Iterator[Part]:
    """The outermost boxes."""
    place = 0
    while place + HEADER <= size:
        head = read_at(file, place, 2 * HEADER)
        length = int.from_bytes(head[:4])
        if length == 1:  # the size is a larger number behind the kind
            length = int.from_bytes(head[8:16])
        if length < HEADER:
            return
        yield head[4:8], place, place + length
        place += length


def moved(index: bytes) -> bytes:
    """The index with places behind itself: wide tables where narrow ones would not hold them."""
    made = placed(index, len(index), NARROW)
    if made is None:
        length = len(placed(index, 0, WIDE) or b"")
        made = placed(index, length, WIDE)
    assert made is not None
    return made


def placed(boxes: bytes, by: int, table: tuple[bytes, int]) -> bytes | None:
    """Boxes in which all places are `by` larger; None if a narrow table cannot hold them."""
    made, at = bytearray(), 0
    while at + HEADER <= len(boxes):
        length, kind = int.from_bytes(boxes[at : at + 4]), boxes[at + 4 : at + 8]
        inner = boxes[at + HEADER : at + length]
        content: bytes | None = inner
        if kind in NESTED:
            content = placed(inner, by, table)
        elif kind in (NARROW[0], WIDE[0]):
            kind, content = retold(kind, inner, by, table)
        if content is None:
            return None
        made += (HEADER + len(content)).to_bytes(4) + kind + content
        at += length
    return bytes(made)


def retold(
    kind: bytes, content: bytes, by: int, table: tuple[bytes, int]
) -> tuple[bytes, bytes | None]:
    """A table of places, each `by` larger.  Its content is flags, a count, and the places."""
    size = dict((NARROW, WIDE))[kind]
    wanted, width = WIDE if kind == WIDE[0] else table
    starts = range(8, len(content), size)
    places = [int.from_bytes(content[at : at + size]) + by for at in starts]
    if width == NARROW[1] and max(places, default=0) > LARGEST:
        return wanted, None
    return wanted, content[:8] + b"".join(place.to_bytes(width) for place in places)


def shift(file: BinaryIO, begin: int, end: int, by: int) -> None:
    """Move the bytes between two places onwards, the last ones first."""
    while begin < end:
        place = max(begin, end - PIECE)
        piece = read_at(file, place, end - place)
        file.seek(place + by)
        file.write(piece)
        file.flush()
        os.fdatasync(file.fileno())
        end = place


def read_at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
