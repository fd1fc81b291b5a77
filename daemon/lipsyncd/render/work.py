"""Work: what a render has finished so far, in one file, so that its next life goes on from there.

A record is its length, its kind, its number and its content.  Lengths are written by `settle`, once
the content is on the disk: so a record counts whole or not at all, whenever the process or the
machine dies.  Without that they are there for this life alone.

Records belong to the key before them.  So several files, one behind the other, are one that has the
work of all which were made with its key.
"""

import io
import os
import shutil
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


HEAD = struct.Struct("<QBI")  # the length of the content in bytes, its kind, its number


class Kind(IntEnum):
    """What a record holds."""

    KEY = 1  # what the others depend on
    MEL = 2
    SPEECH = 3
    PLAN = 4
    PART = 5


class Stale(Exception):
    """The work was made with another key."""


class Record(NamedTuple):
    """Where in the file the content of a record is; `number` tells those of a kind apart."""

    kind: Kind
    number: int
    start: int
    stop: int


class Work:
    """The records of a file, in the order in which they were added.  It has one writer."""

    def __init__(self, file: BinaryIO, key: bytes, *, is_lent: bool = False) -> None:
        """`file` is open for reading and writing; what was made with another key is removed.

        `is_lent`: its writer is another process, so it is read only, as far as it was settled.

        Raises OSError; Stale if what is lent was made with another key.
        """
        self._file = file
        self.records = list(self._made_with(key))
        self._settled = len(self.records)
        if not self.records:
            if is_lent:
                raise Stale
            file.truncate(0)
            with self.added(Kind.KEY) as content:
                content.write(key)

    def _made_with(self, key: bytes) -> Iterator[Record]:
        """The records of the file that belong to a key."""
        is_mine = False
        for each in found_in(self._file):
            if each.kind is Kind.KEY:
                is_mine = self.read(each) == key
            if is_mine:
                yield each

    def of(self, kind: Kind) -> dict[int, Record]:
        """The records of a kind by their numbers."""
        return {each.number: each for each in self.records if each.kind is kind}

    def read(self, record: Record) -> bytes:
        """The content of a record.  Raises OSError."""
        return self.read_at(record.start, record.stop - record.start)

    def reading(self, record: Record) -> BinaryIO:
        """The content of a record, from its beginning on."""
        return io.BufferedReader(Reading(self, record))

    def read_at(self, place: int, size: int) -> bytes:
        """So many bytes of the file, or fewer at its end.  Any thread may ask."""
        self._file.flush()
        return os.pread(self._file.fileno(), size, place)

    @contextmanager
    def added(self, kind: Kind, number: int = 0) -> Iterator[BinaryIO]:
        """A new record, whose content is what is written in the block; of one that is not finished
        nothing stays.  Raises OSError."""
        start = self._end + HEAD.size
        self._file.truncate(start)  # also what a life that ended had begun
        self._file.seek(start)
        try:
            yield self._file
        except BaseException:
            os.truncate(self._file.fileno(), start)  # a disk that was full has room again
            raise
        self._file.flush()  # while another thread does, `tell` would count what is written twice
        self.records.append(Record(kind, number, start, self._file.tell()))

    def settle(self) -> None:
        """What was added is there for the next life, too.  Raises OSError."""
        self._sync()
        for kind, number, start, stop in self.records[self._settled :]:
            self._file.seek(start - HEAD.size)
            self._file.write(HEAD.pack(stop - start, kind, number))
        self._sync()
        self._settled = len(self.records)

    @property
    def _end(self) -> int:
        return self.records[-1].stop if self.records else 0

    def _sync(self) -> None:
        self._file.flush()
        os.fdatasync(self._file.fileno())


class Reading(io.RawIOBase):
    """One reading of a record, at its own place."""

    def __init__(self, work: Work, record: Record) -> None:
        self._work = work
        self._place, self._stop = record.start, record.stop

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Raises OSError."""
        place = cast(memoryview, buffer)
        found = self._work.read_at(self._place, min(len(place), self._stop - self._place))
        place[: len(found)] = found
        self._place += len(found)
        return len(found)


def hand_on(work: Work, parts: Collection[int], file: BinaryIO) -> None:
    """Write some parts as work that another render goes on from; if they are none, what was seen
    and heard.  Raises OSError."""
    key, *records = work.records
    share = Work(file, work.read(key))
    for each in records:
        if each.number in parts if each.kind is Kind.PART else not parts:
            with share.added(each.kind, each.number) as content:
                shutil.copyfileobj(work.reading(each), content)
    share.settle()


def found_in(file: BinaryIO) -> Iterator[Record]:
    """The whole records of a file."""
    size, place = file.seek(0, io.SEEK_END), 0
    while place + HEAD.size < size:
        file.seek(place)
        length, kind, number = HEAD.unpack(file.read(HEAD.size))
        start, place = place + HEAD.size, place + HEAD.size + length
        if not length or place > size or kind not in set(Kind):
            return
        yield Record(Kind(kind), number, start, place)
