"""An index is moved to the front piece by piece, and what it points at is found again."""

from pathlib import Path

import av
import pytest

from lipsyncd.media import faststart
from lipsyncd.media.faststart import HEADER, move_to_front, moved

GIB = 1 << 30


def movie(path: Path) -> Path:
    """An MP4 with its index at the end."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width = stream.height = 64
        for number in range(50):
            picture = av.VideoFrame(64, 64, "yuv420p")
            for plane in picture.planes:
                plane.update(
                    bytes((number * 37 + place * place) % 256 for place in range(64 * 64))[
                        : plane.buffer_size
                    ]
                )
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def kinds(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [kind for kind, *_ in faststart.boxes_in(file, path.stat().st_size)]


def box(kind: bytes, content: bytes) -> bytes:
    return (HEADER + len(content)).to_bytes(4) + kind + content


def table(kind: bytes, width: int, *places: int) -> bytes:
    listed = b"".join(place.to_bytes(width) for place in places)
    return box(kind, bytes(4) + len(places).to_bytes(4) + listed)


def test_the_index_is_behind_the_first_box_and_every_packet_is_found(tmp_path: Path) -> None:
    path = movie(tmp_path / "movie.mp4")
    before = packets(path)
    assert kinds(path)[-1] == b"moov"
    with path.open("r+b") as file:
        move_to_front(file)
    assert kinds(path)[:2] == [b"ftyp", b"moov"]
    assert packets(path) == before


def test_a_movie_of_many_pieces_is_moved_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = movie(tmp_path / "movie.mp4")
    before = packets(path)
    monkeypatch.setattr(faststart, "PIECE", 1000)
    with path.open("r+b") as file:
        move_to_front(file)
    assert packets(path) == before


def test_what_has_no_index_at_its_end_stays_as_it_is(tmp_path: Path) -> None:
    for content in (b"", b"no movie at all", box(b"ftyp", b"isom") + box(b"mdat", b"1234")):
        path = tmp_path / "other"
        path.write_bytes(content)
        with path.open("r+b") as file:
            move_to_front(file)
        assert path.read_bytes() == content


def test_places_beyond_4_gib_get_a_wide_table() -> None:
    index = box(b"moov", box(b"trak", table(b"stco", 4, 48, 4 * GIB - 20)) + box(b"udta", b"x"))
    found = moved(index)
    places = (48 + len(found), 4 * GIB - 20 + len(found))
    assert found == box(b"moov", box(b"trak", table(b"co64", 8, *places)) + box(b"udta", b"x"))
    assert len(found) == len(index) + 8


def test_a_wide_table_stays_wide_and_a_narrow_one_that_fits_stays_narrow() -> None:
    index = box(b"moov", table(b"stco", 4, 48) + table(b"co64", 8, 5 * GIB))
    by = len(index)
    assert moved(index) == box(
        b"moov", table(b"stco", 4, 48 + by) + table(b"co64", 8, 5 * GIB + by)
    )
