"""Streamed sound: the sizes that a writer could not go back to state, as they turned out to be.

libav knows what stands for them in WAV, AU and CAF; in Wave64, RF64 and AIFF it takes them at their
word, so it is given these instead.
"""

from dataclasses import dataclass
from typing import BinaryIO, Literal

MOST = 64  # chunks that are looked at in search of the sound
ENDLESS = 1 << 62  # bytes: no size
LONGEST = (1 << 31) - 1  # bytes: what AIFF can state
WAVE64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"


@dataclass(frozen=True)
class Form:
    """How chunks are written: how many bytes their kind and their size have, whether the size
    counts these as well, and of how many bytes chunks are multiples."""

    kind: int
    size: int
    order: Literal["little", "big"]
    counts_head: bool
    multiple: int


@dataclass(frozen=True)
class Chunk:
    """Where its size and its content are, and the size as it is stated."""

    size_at: int
    content: int
    size: int


OF_WAVE64 = Form(16, 8, "little", counts_head=True, multiple=8)
OF_RF64 = Form(4, 4, "little", counts_head=False, multiple=2)
OF_AIFF = Form(4, 4, "big", counts_head=False, multiple=2)


def true_sizes(file: BinaryIO, start: int) -> dict[int, bytes]:
    """What is to be read instead of what is written, by its place; `start` is where tags end."""
    head, end = read(file, start, 16), file.seek(0, 2)
    if head == WAVE64:
        return of_wave64(chunks(file, start + 40, end, OF_WAVE64), end)
    if head.startswith((b"RF64", b"BW64")):
        return of_rf64(chunks(file, start + 12, end, OF_RF64), end, file)
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return of_aiff(chunks(file, start + 12, end, OF_AIFF), end, start + 4)
    return {}


def of_wave64(found: dict[bytes, Chunk], end: int) -> dict[int, bytes]:
    sound = found.get(b"data")
    if not sound or not is_unknown(sound.size):
        return {}
    begin = sound.size_at - OF_WAVE64.kind
    return {sound.size_at: (end - begin).to_bytes(8, "little")}


def of_rf64(found: dict[bytes, Chunk], end: int, file: BinaryIO) -> dict[int, bytes]:
    """A chunk of its own has the size (EBU Tech 3306)."""
    sound, sizes = found.get(b"data"), found.get(b"ds64")
    if not sound or not sizes:
        return {}
    place = sizes.content + 8
    is_known = not is_unknown(int.from_bytes(read(file, place, 8), "little"))
    return {} if is_known else {place: (end - sound.content).to_bytes(8, "little")}


def of_aiff(found: dict[bytes, Chunk], end: int, whole_at: int) -> dict[int, bytes]:
    """`whole_at`: where the size of all is."""
    sound = found.get(b"SSND")
    if not sound or sound.size:
        return {}
    places = whole_at, sound.size_at
    return {place: min(LONGEST, end - place - 4).to_bytes(4) for place in places}


def chunks(file: BinaryIO, place: int, end: int, form: Form) -> dict[bytes, Chunk]:
    """The first of each kind, by the first letters of that."""
    found: dict[bytes, Chunk] = {}
    head = form.kind + form.size
    for _ in range(MOST):
        if place + head > end:
            break
        written = read(file, place, head)
        size = int.from_bytes(written[form.kind :], form.order)
        content = place + head
        found.setdefault(written[:4], Chunk(place + form.kind, content, size))
        past = (place if form.counts_head else content) + size
        place = max(content, past + -past % form.multiple)
    return found


def given(content: bytes, place: int, sizes: dict[int, bytes]) -> bytes:
    """What was read at a place, with these sizes in it."""
    for at, size in sizes.items():
        begin, end = max(at, place), min(at + len(size), place + len(content))
        if begin < end:
            part = size[begin - at : end - at]
            content = content[: begin - place] + part + content[end - place :]
    return content


def is_unknown(size: int) -> bool:
    return not 0 < size < ENDLESS


def read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
