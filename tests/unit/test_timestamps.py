"""Pictures are shown by timestamps as files have them: late, before their time, cut, or missing."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest
from support.media.synthetic import number_of, numbered, write_video

from lipsyncd.media.source import examine_source

COUNT = 18
ALL = list(range(COUNT))


def shown(path: Path, expected: list[int]) -> None:
    """It shows these, from the beginning, from any slot, and backward."""
    source = examine_source(path, "The face")
    assert source.rate == 25
    assert [number_of(frame) for frame in source.frames()] == expected
    for start in range(0, len(expected), 4):
        assert [number_of(frame) for frame in source.frames(start)] == expected[start:]
    backward = [number_of(frame) for frame in source.frames_backward(len(expected))]
    assert backward == expected[::-1]


def written(path: Path, late: Fraction, **how: object) -> Path:
    """Pictures of 1/25 s; the first is due at a time."""
    times = [late + Fraction(number, 25) for number in ALL]
    pictures = map(numbered, ALL)
    return write_video(path, pictures, times=times, gop=6, options={"bf": "2"}, **how)


@pytest.mark.parametrize("late", ["0", "3/2", "-2/5", "1/50"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_a_video_begins_with_its_first_picture(tmp_path: Path, suffix: str, late: str) -> None:
    """An MP4 has an edit list, which leaves out what is due before its beginning."""
    is_cut = suffix == "mp4" and Fraction(late) < 0
    path = written(tmp_path / f"face.{suffix}", Fraction(late))
    shown(path, ALL[10:] if is_cut else ALL)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_every_frame+delay_moov"])
def test_a_video_in_fragments_is_whole(tmp_path: Path, flags: str) -> None:
    shown(written(tmp_path / "face.mp4", Fraction(0), container_options={"movflags": flags}), ALL)


def test_a_video_without_an_edit_list_is_whole(tmp_path: Path) -> None:
    options = {"use_editlist": "0"}
    shown(written(tmp_path / "face.mp4", Fraction(0), container_options=options), ALL)


def without_some(packet: av.Packet) -> None:
    packet.pts = None if packet.dts % 2 else packet.pts


def all_but_once_early(packet: av.Packet) -> None:
    """By less than a recording is that begins anew."""
    if packet.pts * packet.time_base == Fraction(8, 25):
        packet.duration //= 2


@pytest.mark.parametrize("change", [without_some, all_but_once_early])
@pytest.mark.parametrize("suffix", ["mkv", "ts", "flv"])
def test_pictures_whose_time_is_missing_or_odd_are_shown_in_their_turn(
    tmp_path: Path, suffix: str, change: Callable[[av.Packet], None]
) -> None:
    whole = write_video(tmp_path / "whole.mp4", map(numbered, ALL), gop=6, options={"bf": "0"})
    path = tmp_path / f"face.{suffix}"
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        target = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                change(packet)
                packet.stream = target
                new.mux(packet)
    shown(path, ALL)
