"""A soundtrack gives each packet of the voice once, in time order, as time goes on."""

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import babble, examined, write_voice

from lipsyncd.media.container import open_container
from lipsyncd.media.soundtrack import Soundtrack

KINDS = {"copied": ("voice.mp3", "libmp3lame"), "encoded": ("voice.wav", "pcm_s16le")}


def due(packet: av.Packet) -> Fraction:
    return packet.dts * packet.time_base


def packets_in_steps(path: Path, step: Fraction) -> list[av.Packet]:
    """All packets, asked for as the pictures of a video ask for them."""
    voice, found = examined(path), []
    with (
        open_container(path, "The voice") as container,
        av.open(io.BytesIO(), "w", format="mp4") as result,
    ):
        result.add_stream("libx264", rate=25)
        soundtrack = Soundtrack(voice, container, result)
        for end in (step * i for i in range(1, 9)):
            fresh = list(soundtrack.until(end))
            assert all(due(packet) < end for packet in fresh)
            assert list(soundtrack.until(end)) == []
            found += fresh
        return found + list(soundtrack.rest())


@pytest.mark.parametrize("step", [Fraction(1, 25), Fraction(1, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_packet_comes_once_and_in_order(tmp_path: Path, kind: str, step: Fraction) -> None:
    name, codec = KINDS[kind]
    path = write_voice(tmp_path / name, babble(2.0, 44100), 44100, codec)
    found = packets_in_steps(path, step)
    assert all(before < after for before, after in pairwise(map(due, found)))
    assert len({due(packet) for packet in found}) == len(found)
    seconds = sum(packet.duration * packet.time_base for packet in found)
    assert float(seconds) == pytest.approx(2.0, abs=0.1)
    assert float(due(found[-1])) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("rate", "expected"), [(8000, 8000), (22050, 22050), (37800, 48000), (192000, 48000)]
)
def test_aac_keeps_the_rate_if_it_knows_it(tmp_path: Path, rate: int, expected: int) -> None:
    path = write_voice(tmp_path / "voice.wav", babble(0.5, rate), rate)
    assert {packet.time_base for packet in packets_in_steps(path, Fraction(1, 5))} == {
        Fraction(1, expected)
    }


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo"), (6, "5.1")])
def test_aac_keeps_the_channels(tmp_path: Path, channels: int, layout: str) -> None:
    samples = np.stack([babble(0.5, 48000, seed=seed) for seed in range(channels)])
    path = write_voice(tmp_path / "voice.wav", samples, 48000)
    with (
        open_container(path, "The voice") as container,
        av.open(io.BytesIO(), "w", format="mp4") as result,
    ):
        Soundtrack(examined(path), container, result)
        assert result.streams.audio[0].codec_context.layout.name == layout
