"""The packets of a part depend on no other, and parts beside each other are one video."""

from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import pytest
from support.media.synthetic import examined, moving, tone, write_video, write_voice

from lipsyncd.media.output import Output
from lipsyncd.media.part import PartEncoder, read_packets, write_packets
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source, examine_source

OUTPUT = Output(crf=20)
COUNT, BORDERS = 40, (0, 13, 26, 40)


def source_in(folder: Path) -> Source:
    return examine_source(write_video(folder / "face.mp4", moving(COUNT)), "The face")


def part(source: Source, first: int, stop: int, output: Output = OUTPUT) -> list[av.Packet]:
    encoder = PartEncoder(source, output)
    pictures = [frame.picture for frame in source.frames()][first:stop]
    return [packet for each in (*pictures, None) for packet in encoder.packets(each)]


def decoded(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [picture.to_ndarray().tobytes() for picture in container.decode(video=0)]


def test_packets_come_back_as_they_were_written(tmp_path: Path) -> None:
    source = source_in(tmp_path)
    packets, file = part(source, 0, COUNT), BytesIO()
    write_packets(packets, file)
    file.seek(0)
    found = list(read_packets(file, 1 / source.rate))
    for packet, other in zip(packets, found, strict=True):
        assert bytes(packet) == bytes(other)
        for name in ("pts", "dts", "duration", "is_keyframe", "time_base"):
            assert getattr(packet, name) == getattr(other, name), name


def test_a_part_is_the_same_bytes_whatever_was_encoded_before(tmp_path: Path) -> None:
    source = source_in(tmp_path)
    alone = [bytes(packet) for packet in part(source, 13, COUNT)]
    part(source, 0, 13)
    assert [bytes(packet) for packet in part(source, 13, COUNT)] == alone


@pytest.mark.parametrize("count", [1, 2, 3])
def test_even_the_shortest_part_of_h265_is_decoded_before_it_is_shown(
    tmp_path: Path, count: int
) -> None:
    """x265 says nothing of when, where a part ends before it had to begin."""
    packets = part(source_in(tmp_path), 0, count, Output(codec="h265"))
    assert [packet.dts for packet in packets] == [-2, -1, 0][:count]
    assert all(packet.dts <= packet.pts for packet in packets)


def test_parts_beside_each_other_are_one_video(tmp_path: Path) -> None:
    source = source_in(tmp_path)
    voice = examined(write_voice(tmp_path / "voice.wav", tone(COUNT / 25)))
    path = tmp_path / "result.mp4"
    with path.open("w+b") as file, new_result(file, source, [voice], OUTPUT) as result:
        for first, stop in pairwise(BORDERS):
            result.add(part(source, first, stop))
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert sorted(packet.pts * packet.time_base for packet in packets) == [
            Fraction(number, 25) for number in range(COUNT)
        ]
        assert all(one.dts < other.dts for one, other in pairwise(packets))
        keys = {packet.pts * packet.time_base * 25 for packet in packets if packet.is_keyframe}
        assert keys == set(BORDERS[:-1])
    assert len(decoded(path)) == COUNT
