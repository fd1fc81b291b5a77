"""What a render has finished is there for its next life, whole or not at all."""

import errno
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from lipsyncd.render.work import HEAD, Kind, Stale, Work

KEY = b"the same options and models"


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    with (tmp_path / "work").open("w+b") as file:
        yield file


def add(work: Work, kind: Kind, *pieces: bytes, number: int = 0) -> None:
    with work.added(kind, number) as content:
        for piece in pieces:
            content.write(piece)


def next_life(file: BinaryIO, key: bytes = KEY) -> list[tuple[Kind, bytes]]:
    """What another process finds."""
    with open(file.name, "r+b") as again:
        work = Work(again, key)
        return [(record.kind, work.read(record)) for record in work.records[1:]]


def test_what_was_settled_is_there_in_the_next_life(file: BinaryIO) -> None:
    work = Work(file, KEY)
    add(work, Kind.PLAN, b"plan")
    add(work, Kind.PART, b"one", b" part")
    work.settle()
    add(work, Kind.PART, b"another", number=70_000)
    work.settle()
    found = [(Kind.PLAN, b"plan"), (Kind.PART, b"one part"), (Kind.PART, b"another")]
    assert next_life(file) == found
    parts = {number: work.read(record) for number, record in work.of(Kind.PART).items()}
    assert parts == {0: b"one part", 70_000: b"another"}
    with work.reading(work.of(Kind.PART)[0]) as content:
        assert content.read() == b"one part"


def test_what_was_not_settled_is_there_for_this_life_alone(file: BinaryIO) -> None:
    work = Work(file, KEY)
    work.settle()
    add(work, Kind.PART, b"one")
    file.flush()
    assert work.read(work.of(Kind.PART)[0]) == b"one"
    assert next_life(file) == []


def test_a_life_that_ends_in_the_middle_of_a_record_loses_only_that(file: BinaryIO) -> None:
    work = Work(file, KEY)
    add(work, Kind.PART, b"one")
    work.settle()
    with work.added(Kind.PART) as content:
        content.write(b"half")
        content.flush()
        found = next_life(file)
    assert found == [(Kind.PART, b"one")]


def test_a_record_that_could_not_be_written_takes_no_room(file: BinaryIO) -> None:
    work = Work(file, KEY)
    add(work, Kind.PART, b"one")
    work.settle()
    before = os.path.getsize(file.name)
    with pytest.raises(OSError, match="No space"), work.added(Kind.PART) as content:
        content.write(bytes(1 << 20))
        content.flush()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert os.path.getsize(file.name) <= before + HEAD.size
    assert next_life(file) == [(Kind.PART, b"one")]


@pytest.mark.parametrize("lost", range(1, HEAD.size + 8))
def test_a_file_that_breaks_off_has_its_whole_records(file: BinaryIO, lost: int) -> None:
    work = Work(file, KEY)
    for each in (b"one", b"another"):
        add(work, Kind.PART, each)
    work.settle()
    os.truncate(file.name, os.path.getsize(file.name) - lost)
    assert next_life(file) == [(Kind.PART, b"one")]


def test_a_life_goes_on_behind_what_it_has_found(file: BinaryIO) -> None:
    work = Work(file, KEY)
    add(work, Kind.PART, b"one")
    work.settle()
    with work.added(Kind.PART) as content:
        content.write(b"a long one that did not come to its end")
    with open(file.name, "r+b") as again:
        other = Work(again, KEY)
        add(other, Kind.PART, b"two")
        other.settle()
    assert next_life(file) == [(Kind.PART, b"one"), (Kind.PART, b"two")]


def test_what_was_made_otherwise_is_not_used(file: BinaryIO) -> None:
    work = Work(file, KEY)
    add(work, Kind.PART, b"one")
    work.settle()
    assert next_life(file, b"other options") == []
    assert next_life(file) == []


def test_files_one_behind_the_other_are_one_with_the_work_of_the_same_key(
    tmp_path: Path, file: BinaryIO
) -> None:
    for number, key in enumerate((KEY, b"another host's", KEY)):
        with (tmp_path / f"{number}").open("w+b") as one:
            work = Work(one, key)
            add(work, Kind.PART, b"part %d" % number, number=number)
            work.settle()
        file.write((tmp_path / f"{number}").read_bytes())
    file.flush()
    work = Work(file, KEY)
    assert sorted(work.of(Kind.PART)) == [0, 2]
    add(work, Kind.PART, b"part 1, here", number=1)
    work.settle()
    with open(file.name, "r+b") as again:
        found = Work(again, KEY)
        parts = [found.read(record) for _, record in sorted(found.of(Kind.PART).items())]
    assert parts == [b"part 0", b"part 1, here", b"part 2"]


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\xff" * 100, b"garbage" * 9])
def test_what_is_no_work_is_not_used(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    assert next_life(file) == []


def test_work_that_is_lent_is_read_as_far_as_it_is_settled_and_never_written(
    file: BinaryIO,
) -> None:
    work = Work(file, KEY)
    add(work, Kind.PLAN, b"plan")
    work.settle()
    add(work, Kind.PART, b"one")
    file.flush()
    content = Path(file.name).read_bytes()
    with open(file.name, "rb") as again:
        lent = Work(again, KEY, is_lent=True)
        assert [lent.read(record) for record in lent.records] == [KEY, b"plan"]
        with pytest.raises(Stale):
            Work(again, b"other options", is_lent=True)
    assert Path(file.name).read_bytes() == content


class Slow(io.FileIO):
    """A file whose writing takes until it is allowed to end, once it has been made slow."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.is_slow = False
        self.written, self.may_end = threading.Event(), threading.Event()

    def write(self, content: bytes) -> int:
        count = super().write(content)
        if self.is_slow:
            self.written.set()
            self.may_end.wait()
        return count


def test_a_record_has_its_own_length_though_another_thread_reads_meanwhile(tmp_path: Path) -> None:
    raw = Slow(tmp_path / "work")
    with io.BufferedRandom(raw) as file:
        work = Work(file, KEY)
        with work.added(Kind.PART) as content:
            content.write(b"one part")
            raw.is_slow = True
            reading = threading.Thread(target=work.read_at, args=[0, 1])
            reading.start()
            raw.written.wait()
            # this one waits for the other; a thread that does not, ends here with a wrong length
            freeing = threading.Timer(0.2, raw.may_end.set)
            freeing.start()
        reading.join()
        part = work.of(Kind.PART)[0]
        assert part.stop - part.start == len(b"one part")
