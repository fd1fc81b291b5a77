"""A timeline has as many frames as asked for, whatever the length of its source."""

from itertools import islice
from pathlib import Path

import pytest
from support.media.synthetic import number_of, numbered, quartered, write_still, write_video

from lipsyncd.media.source import examine_source
from lipsyncd.media.timeline import index_at, timeline


def shown(path: Path, count: int, extend: str, start: int = 0) -> list[int]:
    """The indices of the frames from one on; each frame shows the picture that its index says."""
    source = examine_source(path, "The face")
    length = min(count, sum(1 for _ in source.frames()))
    frames = list(islice(timeline(source, length, extend, start), count - start))
    indices = [frame.index for frame in frames]
    assert [number_of(frame) for frame in frames] == indices
    assert [index_at(number, length, extend) for number in range(start, count)] == indices
    return indices


def video(folder: Path, count: int) -> Path:
    return write_video(folder / "face.mp4", map(numbered, range(count)), options={"bf": "2"})


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [0]),
        (3, [0, 1, 2]),
        (4, [0, 1, 2, 3]),
        (5, [0, 1, 2, 3, 2]),
        (6, [0, 1, 2, 3, 2, 1]),
        (7, [0, 1, 2, 3, 2, 1, 0]),
        (14, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]),
    ],
)
def test_a_short_source_goes_back_and_forth_without_showing_its_ends_twice(
    tmp_path: Path, count: int, expected: list[int]
) -> None:
    assert shown(video(tmp_path, 4), count, "pingpong") == expected


def test_a_source_of_two_frames_alternates(tmp_path: Path) -> None:
    assert shown(video(tmp_path, 2), 6, "pingpong") == [0, 1, 0, 1, 0, 1]


def test_a_short_source_loops_if_asked_to(tmp_path: Path) -> None:
    assert shown(video(tmp_path, 4), 10, "loop") == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("extend", ["pingpong", "loop"])
def test_a_long_source_is_cut(tmp_path: Path, extend: str) -> None:
    assert shown(video(tmp_path, 12), 5, extend) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("extend", ["pingpong", "loop"])
def test_a_still_stays(tmp_path: Path, extend: str) -> None:
    source = examine_source(write_still(tmp_path / "face.png", quartered()), "The face")
    frames = list(islice(timeline(source, 1, extend), 100))
    assert [frame.index for frame in frames] == [0] * 100
    assert len({id(frame) for frame in frames}) == 1, "it is decoded once"


def test_a_video_of_one_frame_is_a_still(tmp_path: Path) -> None:
    assert shown(video(tmp_path, 1), 4, "pingpong") == [0, 0, 0, 0]


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze", "cut", "silence"])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_from_any_place_on_it_goes_as_from_the_beginning(
    tmp_path: Path, length: int, extend: str
) -> None:
    path = video(tmp_path, length)
    whole = shown(path, 14, extend)
    for start in range(14):
        assert shown(path, 14, extend, start) == whole[start:], start
