"""Bombs: packets that libav would unpack without a bound, or work on for ever, in a single call."""

import re
import zlib
from collections.abc import Iterator

import av

from lipsyncd.errors import UnreadableMedia
from lipsyncd.media.limits import PACKED_BYTES, SCANS

PNG_CODECS, JPEG_CODECS = ("png", "apng"), ("mjpeg", "mjpegb")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PACKED = (b"zTXt", b"iCCP")  # chunks of PNG: a name, a zero, a byte for the method, packed bytes
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
SCAN, END = b"\xff\xda", b"\xff\xd9"  # of JPEG
FRAMES = range(0xC0, 0xC4)  # its markers of the frames that libav knows; no end comes before one


def refuse_bomb(packet: av.Packet | bytes, codec: str, name: str) -> None:
    """Raise UnreadableMedia for what this decoder had better not be given."""
    bomb = (codec in PNG_CODECS and unpacks_far(bytes(packet))) or (
        codec in JPEG_CODECS and scans(bytes(packet)) > SCANS
    )
    if bomb:
        raise UnreadableMedia(
            f"{name} has more packed into it than a picture needs.",
            "Save it anew, without texts and profiles, and not progressive.",
        )


def unpacks_far(png: bytes) -> bool:
    """Whether texts and colour profiles among these chunks are larger than any real ones."""
    total = 0
    for packed in packed_chunks(memoryview(png)):
        try:
            total += len(zlib.decompressobj().decompress(packed, PACKED_BYTES + 1))
        except zlib.error:  # it was unpacked to where it is damaged: a few times that may be
            total += PACKED_BYTES // 8
        if total > PACKED_BYTES:
            return True
    return False


def packed_chunks(png: memoryview) -> Iterator[memoryview]:
    """What is packed into each chunk of that kind."""
    place = len(SIGNATURE) if png[: len(SIGNATURE)] == SIGNATURE else 0
    while place + 8 <= len(png):
        kind, start = png[place + 4 : place + 8], place + 8
        end = start + int.from_bytes(png[place : place + 4])
        if kind in PACKED:
            name = bytes(png[start:end]).find(b"\0")
            yield png[start + name + 2 : end]
        place = end + 4


def scans(jpeg: bytes) -> int:
    """How many passes over the picture a JPEG takes, up to its end."""
    count, place, begun = 0, 2, False
    while found := MARKER.search(jpeg, place):
        marker, place = found.group(), found.end()
        begun = begun or marker[1] in FRAMES
        if marker == END and begun:
            break
        if marker == SCAN:
            count += 1
        elif marker != END:
            place += max(2, int.from_bytes(jpeg[place : place + 2]))
    return count
