"""Recordings that were joined have one clock: each begins where the one before it ends."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import examined, number_of, numbered, write_video
from support.media.voices import SECONDS, filmed, joined, later, remuxed, said, written

from lipsyncd.media.joined import Clock
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.voice import waveform

RATE = 16000
KINDS = {
    "transport streams": ("part.ts", {"options": {"bf": "2"}, "gop": 6}),
    "transport streams of MPEG-2": ("part.ts", {"codec": "mpeg2video", "gop": 5}),
    "program streams": ("part.mpg", {"codec": "mpeg1video", "gop": 6}),
}


def recordings(folder: Path, kind: str, *parts: range) -> Source:
    """Videos that show these numbers, joined as `cat` does; each has a clock of its own."""
    name, how = KINDS[kind]
    content = [
        write_video(folder / name, map(numbered, part), **how).read_bytes() for part in parts
    ]
    path = folder / "face"
    path.write_bytes(b"".join(content))
    return examine_source(path, "The face")


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_of_joined_recordings_is_shown_in_order(tmp_path: Path, kind: str) -> None:
    source = recordings(tmp_path, kind, range(16), range(3, 13), range(2, 18))
    expected = [*range(16), *range(3, 13), *range(2, 18)]
    assert [number_of(frame) for frame in source.frames()] == expected
    assert "3 recordings" in source.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_same_from_any_slot_and_backward(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all have the same times, a time is no place to go to."""
    source = recordings(tmp_path, kind, range(16), range(16), range(16), range(16), range(16))
    frames = [(frame.index, number_of(frame)) for frame in source.frames()]
    assert frames == list(enumerate([*range(16)] * 5))
    for start in (1, 15, 16, 40, 63, 79):
        assert [(each.index, number_of(each)) for each in source.frames(start)] == frames[start:]
    monkeypatch.setattr("lipsyncd.media.source.BACKWARD_BYTES", 9 * 64 * 48 * 3 // 2)
    backward = [(each.index, number_of(each)) for each in source.frames_backward(80)]
    assert backward == frames[::-1]


def test_a_stream_that_was_taken_up_again_is_shown_whole(tmp_path: Path) -> None:
    """As a server writes it into one FLV, whose packets do not say how long they last."""
    pictures = [*range(16)] * 5
    path = write_video(tmp_path / "face.flv", map(numbered, pictures), gop=6, options={"bf": "0"})
    path.write_bytes(stamped_anew(path.read_bytes(), [40 * (each % 16) for each in range(80)]))
    source = examine_source(path, "The face")
    assert "5 recordings" in source.notes[0]
    for start in (0, 20, 40, 63):
        assert [number_of(frame) for frame in source.frames(start)] == pictures[start:]


def stamped_anew(content: bytes, times: list[int]) -> bytes:
    """An FLV of H.264 whose pictures are due at these milliseconds."""
    changed, place, due = bytearray(content), 13, iter(times)
    while place + 15 < len(changed):
        if changed[place] == 9 and changed[place + 12] == 1:  # a picture
            changed[place + 4 : place + 7] = next(due).to_bytes(3)
        place += 15 + int.from_bytes(changed[place + 1 : place + 4])
    return bytes(changed)


def test_what_is_far_in_them_is_not_read_from_the_beginning(tmp_path: Path) -> None:
    source = recordings(tmp_path, "transport streams", *[range(16)] * 8)
    places = [keyframe.byte for keyframe in source.keyframes]
    assert places == sorted(places)
    size = (tmp_path / "face").stat().st_size
    assert max(after - before for before, after in pairwise([*places, size])) < size / 4


def test_of_a_long_one_fewer_places_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsyncd.media.keyframes.MOST", 3)
    source = recordings(tmp_path, "transport streams", *[range(16)] * 8)
    assert 2 <= len(source.keyframes) <= 3
    assert [number_of(frame) for frame in source.frames(100)] == [*range(4, 16), *range(16)]


def test_a_second_recording_may_have_a_later_clock(tmp_path: Path) -> None:
    late = remuxed(written("voice.m4a", "aac", 48000), "late.ts", later(-1, 7200))
    path = joined(remuxed(written("voice.m4a", "aac", 48000), "voice.ts", later(0, 0)), late)(
        tmp_path
    )
    voice = examined(path)
    assert float(voice.seconds) == pytest.approx(2 * SECONDS, abs=0.1)
    assert "2 recordings" in voice.notes[0]


def test_one_recording_is_not_said_to_be_joined(tmp_path: Path) -> None:
    assert examined(filmed("voice.ts", video="mpeg2video")(tmp_path)).notes == ()
    assert recordings(tmp_path, "program streams", range(15)).notes == ()


def packets(*times: int | None, lasts: int = 40) -> list[av.Packet]:
    """Packets that are due at these milliseconds, and say that they last so many."""
    made = []
    for time in times:
        packet = av.Packet(b"1")
        packet.time_base, packet.duration = Fraction(1, 1000), lasts
        packet.pts = packet.dts = time
        made.append(packet)
    return made


@pytest.mark.parametrize(
    ("times", "is_live", "expected", "restarts"),
    [
        ((500, 540, 580), True, [500, 540, 580], 0),
        ((500, 540, 0, 40), True, [500, 540, 580, 620], 1),
        ((500, 540, 0, 40, 80, 120, 0), False, [500, 540, 580, 620, 660, 700, 740], 2),
        ((500, 540, 480, 620), True, [500, 540, 480, 620], 0),  # it trembles
        ((0, 40, 60_000), True, [0, 40, 60_000], 0),  # a hole
        ((0, 40, 61_000, 61_040), True, [0, 40, 80, 120], 1),
        ((0, 40, 61_000), False, [0, 40, 61_000], 0),
        ((0, None, 40, 0), True, [0, None, 40, 0], 0),
    ],
)
def test_a_clock_goes_on_where_timestamps_jump(
    times: tuple[int | None, ...], is_live: bool, expected: list[int | None], restarts: int
) -> None:
    clock, given = Clock(is_live), packets(*times)
    for packet in given:
        clock.set(packet)
    assert [packet.dts for packet in given] == [packet.pts for packet in given] == expected
    assert clock.restarts == restarts


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((500, 540, 0, 40), [500, 540, 580, 620]),
        ((0, 40, 50_000, 50_040, 0), [0, 40, 50_000, 50_040, 50_080]),
        ((0, 40, 90_000, 90_001), [0, 40, 90_000, 90_001]),
        ((0, 50_000, 50_040, 100), [0, 50_000, 50_040, 50_080]),
    ],
)
def test_packets_that_do_not_say_so_last_as_long_as_those_before(
    times: tuple[int, ...], expected: list[int]
) -> None:
    clock, given = Clock(is_live=False), packets(*times, lasts=0)
    for packet in given:
        clock.set(packet)
    assert [packet.dts for packet in given] == expected


def test_packets_that_say_that_they_last_too_long_are_left_where_they_are() -> None:
    clock, given = Clock(is_live=True), packets(0, 40, 80, lasts=1000)
    for packet in given:
        clock.set(packet)
    assert [packet.dts for packet in given] == [0, 40, 80]
    assert clock.restarts == 0


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_both_parts_of_a_joined_voice_are_heard_when_they_are_due(
    tmp_path: Path, suffix: str
) -> None:
    film = filmed(f"voice.{suffix}", "mp2", video="mpeg1video")
    heard = np.concatenate(list(waveform(examined(joined(film, film)(tmp_path)))))
    first, again = (
        int(np.correlate(heard[at : at + 24000], said(RATE)[1600:8000], "valid").argmax())
        for at in (0, 24000)
    )
    assert first - 1600 == pytest.approx(160, abs=40)  # the encoder's own delay
    assert (24000 + again - first) / RATE == pytest.approx(SECONDS, abs=0.04)
