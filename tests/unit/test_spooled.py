"""A descriptor is read as a file is, and each reading of it has a place of its own."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsyncd.media.spooled import Spooled, open_grown

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def spooled(tmp_path: Path) -> Iterator[Spooled]:
    (tmp_path / "file").write_bytes(CONTENT)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    yield Spooled(descriptor)
    os.close(descriptor)


def test_readings_do_not_move_each_other(spooled: Spooled) -> None:
    with spooled.open("rb") as one, spooled.open("rb") as other:
        assert one.read(10) == CONTENT[:10]
        assert other.read() == CONTENT
        assert one.read(10) == CONTENT[10:20]
    with spooled.open("rb") as again:
        assert again.read(1) == CONTENT[:1]


@pytest.mark.parametrize(
    "offset, whence, place", [(7, os.SEEK_SET, 7), (-7, os.SEEK_END, len(CONTENT) - 7)]
)
def test_a_place_is_found_from_either_end(
    spooled: Spooled, offset: int, whence: int, place: int
) -> None:
    with spooled.open("rb") as file:
        assert file.seek(offset, whence) == place
        assert file.read(3) == CONTENT[place : place + 3]
        assert file.seek(2, os.SEEK_CUR) == place + 5


def test_a_place_before_the_start_is_an_error_and_moves_nothing(spooled: Spooled) -> None:
    with spooled.open("rb") as file:
        file.seek(5)
        with pytest.raises(OSError):
            file.seek(-len(CONTENT) - 1, os.SEEK_END)
        assert file.read(1) == CONTENT[5:6]


def test_each_piece_that_is_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    pieces: list[int] = []
    with (tmp_path / "file").open("rb") as file:
        spooled = Spooled(file.fileno(), lambda: pieces.append(1))
        with spooled.open("rb") as reading:
            while reading.read(io.DEFAULT_BUFFER_SIZE):
                pass
    assert len(pieces) >= len(CONTENT) // io.DEFAULT_BUFFER_SIZE


def test_a_result_is_written_and_read_and_each_piece_is_told(tmp_path: Path) -> None:
    pieces: list[int] = []
    descriptor = os.open(tmp_path / "result", os.O_RDWR | os.O_CREAT)
    with open_grown(descriptor, lambda: pieces.append(1)) as file:
        file.write(CONTENT)
        file.flush()
        written = len(pieces)
        file.seek(0)
        assert file.read(len(CONTENT)) == CONTENT
        assert 0 < written < len(pieces)
    assert (tmp_path / "result").read_bytes() == CONTENT
