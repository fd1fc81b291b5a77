"""A movie: what the boxes of an MP4 state, read without libav, which makes room for all of it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipsyncd.media.budget import BudgetedFile
from lipsyncd.media.limits import INDEXED

FIRST = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot"}
INDEX = {b"moov", b"moof"}
# Where libav looks for more boxes: it forgives an index in free space, and tables out of place.
NESTED = set(b"moov hoov free skip trak edts mdia minf dinf stbl udta mvex moof traf tref".split())
DEEPEST = 10  # as libav
# What libav makes room for before it reads it: tables by the bytes of an entry
TABLES = dict(stts=8, ctts=8, stsc=12, stco=4, co64=8, stss=4, stps=4, keys=8, elst=12)
FEW = 100_000  # entries that are made room for without a question
META_BYTES = 1 << 16  # within which names of tags begin
PIECE = 1024  # samples that libav indexes as one in a track of which each sample has a length of 1
RUN = np.dtype([("first", ">u4"), ("samples", ">u4"), ("description", ">u4")])


@dataclass(frozen=True)
class Box:
    """A kind of four letters, and where its content lies; `end` is what it states."""

    kind: bytes
    start: int
    end: int


@dataclass
class Stated:
    """What the boxes state, in all tracks and fragments."""

    packed: bool = False  # the index is compressed, as QuickTime did in the nineties
    overfull: bool = False  # a table has far more entries than room for them
    stored: int = 0  # samples
    shown: int = 0  # samples as libav indexes them: each edit may show all of them again


def is_movie(file: BudgetedFile) -> bool:
    """Whether it begins like an MP4."""
    file.seek(4)
    return file.read(4) in FIRST


class Movie:
    """An open file, taken for an MP4; where it is none, no boxes are found in it."""

    def __init__(self, file: BudgetedFile, size: int) -> None:
        self._file = file
        self._all = Box(b"", 0, size)

    def breaks_off(self) -> bool:
        """Whether an MP4 ends in the middle of a box, or before its index."""
        last, indexed = None, False
        for box in self._in(self._all):
            if last is None and box.kind not in FIRST:
                return False
            last, indexed = box, indexed or box.kind in INDEX
        return last is not None and (last.end > self._all.end or not indexed)

    def index_bytes(self) -> int:
        """How long all is that libav looks into."""
        kept = (box for box in self._in(self._all) if box.kind in NESTED or box.kind == b"meta")
        return sum(min(box.end, self._all.end) - box.start for box in kept)

    def stated(self) -> Stated:
        """All that it states, in one walk."""
        stated, tables = Stated(), defaultdict(list)
        for box in self._below(self._all):
            tables[box.kind].append(box)
            stated.packed |= box.kind == b"cmov"
            stated.overfull |= self._is_overfull(box)
            if box.kind == b"trak":
                self._count(tables, stated)
                tables.clear()
        self._count(tables, stated)
        return stated

    def _in(self, outer: Box) -> Iterator[Box]:
        """The boxes in a box, one level deep."""
        place = outer.start
        while place + 8 <= outer.end:
            size, kind, content = self._number(place), self._read(place + 4, 4), 8
            if size == 1:
                size, content = self._number(place + 8, 8), 16
            elif size == 0:
                size = outer.end - place
            if size < content:
                return
            yield Box(kind, place + content, place + size)
            place += size

    def _below(self, outer: Box, depth: int = 0) -> Iterator[Box]:
        """All boxes in a box, each after those in it."""
        for box in self._in(outer):
            if box.kind in NESTED and depth < DEEPEST:
                yield from self._below(box, depth + 1)
            elif box.kind == b"meta" and (place := self._handler(box)) is not None:
                yield from self._in(Box(box.kind, place, box.end))
            yield box

    def _handler(self, meta: Box) -> int | None:
        """Where the boxes in it begin, as libav finds it: with the first handler."""
        content = self._read(meta.start, min(meta.end - meta.start, META_BYTES))
        kinds = (content[place : place + 4] for place in range(0, len(content), 4))
        number = next((number for number, kind in enumerate(kinds) if kind == b"hdlr"), 0)
        return meta.start + 4 * number - 4 if number else None

    def _is_overfull(self, box: Box) -> bool:
        if box.kind == b"meta":
            return box.end - box.start > META_BYTES and self._handler(box) is None
        entry = TABLES.get(box.kind.decode("latin-1"))
        if entry is None:
            return False
        count = self._number(box.start + 4)
        return count > FEW and count * entry > box.end - box.start

    def _count(self, tables: dict[bytes, list[Box]], stated: Stated) -> None:
        """Add what these tables state together."""
        runs = sum(self._number(box.start + 4) for box in tables[b"trun"])
        edits = sum(self._number(box.start + 4) for box in tables[b"elst"])
        if self._is_sound(tables) and all(self._is_even(box) for box in tables[b"stts"]):
            stored = self._pieces(tables)
        else:
            sizes = tables[b"stsz"] + tables[b"stz2"]
            stored = sum(self._number(box.start + 8) for box in sizes)
        stated.stored += runs + stored
        stated.shown += runs + stored * max(1, edits)

    def _is_sound(self, tables: dict[bytes, list[Box]]) -> bool:
        kinds = {self._read(box.start + 8, 4) for box in tables[b"hdlr"]}
        return b"soun" in kinds and b"vide" not in kinds and bool(tables[b"stts"])

    def _is_even(self, times: Box) -> bool:
        """Whether each sample lasts 1, as in uncompressed sound."""
        return self._number(times.start + 4) == self._number(times.start + 12) == 1

    def _pieces(self, tables: dict[bytes, list[Box]]) -> int:
        """The entries that libav makes of the chunks of uncompressed sound."""
        chunks = sum(self._number(box.start + 4) for box in tables[b"stco"] + tables[b"co64"])
        return chunks + sum(self._in_chunks(box, chunks) // PIECE for box in tables[b"stsc"])

    def _in_chunks(self, table: Box, chunks: int) -> int:
        count = self._number(table.start + 4)
        if count > INDEXED:
            return count * PIECE
        content = self._read(table.start + 8, count * RUN.itemsize)
        runs = np.frombuffer(content, RUN, len(content) // RUN.itemsize)
        lengths = np.diff(runs["first"].astype(np.float64), append=chunks + 1)
        return int(np.maximum(lengths, 0) @ runs["samples"].astype(np.float64))

    def _number(self, place: int, size: int = 4) -> int:
        return int.from_bytes(self._read(place, size))

    def _read(self, place: int, size: int) -> bytes:
        self._file.seek(place)
        return self._file.read(size)
