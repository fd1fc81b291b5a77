"""Tags are left out at the beginning of a file and are zeros inside it, however it is read."""

import io
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.media.synthetic import tone, write_voice

from lipsyncd.media.budget import BudgetedFile, TimeBudget
from lipsyncd.media.container import open_container
from lipsyncd.media.tags import TAG

HEAD = b"ID3\x04\x00\x00\x00\x00\x00\x05"  # of a tag of five bytes
PIECES = st.lists(st.sampled_from([HEAD, HEAD[:3], b"hello", b"ID", b"\0", bytes(20)]))


def seen(content: bytes) -> BudgetedFile:
    return BudgetedFile(io.BytesIO(content), TimeBudget("The voice"))


@given(PIECES.map(b"".join), st.lists(st.integers(1, 25), min_size=1))
def test_it_does_not_matter_in_what_pieces_a_file_is_read(content: bytes, sizes: list[int]) -> None:
    content = b"." + content  # not at the beginning
    file, read = seen(content), b""
    for size in cycle(sizes):
        read += (piece := file.read(size))
        if not piece:
            break
    assert read == TAG.sub(b"\0\0\0", content)


@given(PIECES.map(b"".join), st.integers(0, 100), st.integers(1, 100))
def test_any_place_of_a_file_is_as_it_is_in_the_whole(
    content: bytes, place: int, size: int
) -> None:
    content = b"." + content
    file = seen(content)
    assert file.seek(place) == file.tell() == place
    assert file.read(size) == TAG.sub(b"\0\0\0", content)[place : place + size]


@pytest.mark.parametrize("times", [0, 1, 3])
def test_tags_at_the_beginning_are_left_out(times: int) -> None:
    file = seen((HEAD + b"12345") * times + b"the rest")
    assert file.tell() == 0
    assert file.read(100) == b"the rest"
    assert file.seek(0, 2) == 8
    file.seek(4)
    assert file.read(4) == b"rest"


def test_a_tagged_recording_is_what_it_is_without(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.mp3", tone(1.0, 44100), 44100, "libmp3lame")
    content = path.read_bytes()
    plain = content[content.index(b"\xff\xfb") :]
    assert packets(path) == packets_of(tmp_path, plain)
    tag = b"ID3\x03\x00\x00\x00\x00\x20\x00" + bytes(0x20 << 7)
    assert packets_of(tmp_path, tag + plain) == packets_of(tmp_path, plain)


def packets_of(folder: Path, content: bytes) -> list[bytes]:
    (folder / "voice").write_bytes(content)
    return packets(folder / "voice")


def packets(path: Path) -> list[bytes]:
    with open_container(path, "The voice") as media:
        return [bytes(packet) for packet in media.packets(media.sound(0))]
