"""A soundtrack gives each packet of the voice once, in time order, as time goes on."""

import io
from contextlib import ExitStack
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import babble, examined, tone, write_voice

from lipsyncd.media.container import open_container
from lipsyncd.media.muxers import AAC
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
        soundtrack = Soundtrack([voice], [container], result, AAC)
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
        Soundtrack([examined(path)], [container], result, AAC)
        assert result.streams.audio[0].codec_context.layout.name == layout


def pitches(samples: np.ndarray, rate: int) -> set[int]:
    """The tones that are to be heard, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    found = np.flatnonzero(spectrum > 0.2 * spectrum.max()) * rate / len(samples)
    return {round(pitch / 50) * 50 for pitch in found}


def mixture(paths: list[Path]) -> tuple[np.ndarray, int]:
    """What is heard of several voices at once, (2, samples), and how many samples a second."""
    file = io.BytesIO()
    with ExitStack() as stack:
        containers = [stack.enter_context(open_container(path, "A voice")) for path in paths]
        result = stack.enter_context(av.open(file, "w", format="mp4"))
        soundtrack = Soundtrack(list(map(examined, paths)), containers, result, AAC)
        result.mux(list(soundtrack.rest()))
    file.seek(0)
    with av.open(file) as made:
        rate = made.streams.audio[0].rate
        return np.hstack([frame.to_ndarray() for frame in made.decode(audio=0)]), rate


def test_several_voices_are_all_heard_from_the_beginning_to_the_end_of_the_longest(
    tmp_path: Path,
) -> None:
    kinds = (1.0, 16000, 300.0), (2.0, 44100, 500.0), (1.5, 48000, 900.0)
    samples, rate = mixture(
        [
            write_voice(tmp_path / f"{pitch}.wav", 0.5 * tone(seconds, rate, pitch), rate)
            for seconds, rate, pitch in kinds
        ]
    )
    assert samples.shape == (2, pytest.approx(2.0 * rate, abs=2048))
    half = rate // 2
    assert pitches(samples[0, : 2 * half], rate) == {300, 500, 900}
    assert pitches(samples[1, half * 11 // 5 : half * 14 // 5], rate) == {500, 900}
    assert pitches(samples[0, half * 16 // 5 : half * 19 // 5], rate) == {500}


def test_voices_that_are_loud_together_are_clipped(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "loud.wav", 1.8 * tone(0.5, 48000), 48000)
    samples, _ = mixture([path, path])
    assert 0.9 < np.abs(samples).max() < 1.3
