"""A voice is read at 16 kHz as the mean of its channels; one that says nothing is refused."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import babble, examined, moving, tone, write_video, write_voice

from lipsyncd.errors import (
    InputError,
    InputGone,
    NoAudioStream,
    SilentVoice,
    TruncatedMedia,
    UnreadableMedia,
    VoiceTooShort,
)
from lipsyncd.media.voice import waveform


def heard(path: Path) -> np.ndarray:
    return np.concatenate(list(waveform(examined(path))))


def refused(path: Path, error: type[InputError]) -> str:
    with pytest.raises(error) as caught:
        examined(path)
    assert "The voice" in caught.value.message
    assert caught.value.hint
    return caught.value.message


# What is heard


def test_a_voice_at_16_khz_is_heard_sample_for_sample(tmp_path: Path) -> None:
    samples = babble(0.7)
    found = heard(write_voice(tmp_path / "voice.wav", samples, codec="pcm_f32le"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, samples.astype(np.float32))


# What is not as it was recorded


def test_a_whole_voice_is_copied(tmp_path: Path) -> None:
    for suffix, codec in (("mp3", "libmp3lame"), ("m4a", "aac"), ("ogg", "libopus")):
        path = write_voice(tmp_path / f"voice.{suffix}", babble(1.0, 48000), 48000, codec)
        assert examined(path).is_copied


def test_a_voice_with_a_damaged_packet_is_not_copied(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.flac", babble(1.0), codec="flac")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    assert not examined(path).is_copied


def test_a_voice_with_a_gap_is_not_copied(tmp_path: Path) -> None:
    """A player is silent there, and so it is heard here."""
    path, whole = tmp_path / "voice.mka", tmp_path / "whole.mka"
    write_voice(whole, babble(1.0), codec="flac")
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        target = new.add_stream_from_template(old.streams.audio[0])
        for number, packet in enumerate(old.demux(audio=0)):
            if packet.dts is not None:
                packet.pts = packet.dts = packet.pts + (2000 if number else 0)
                packet.stream = target
                new.mux(packet)
    voice = examined(path)
    assert not voice.is_copied
    assert float(voice.seconds) == pytest.approx(3.0, abs=0.01)


def test_a_voice_that_changes_its_form_in_the_middle_is_heard_to_its_end(tmp_path: Path) -> None:
    """Joined AAC: mono at 44.1 kHz, then stereo at 48 kHz."""
    parts = [
        write_voice(tmp_path / "mono.aac", babble(1.0, 44100), 44100, "aac"),
        write_voice(tmp_path / "stereo.aac", np.stack([babble(1.0, 48000)] * 2), 48000, "aac"),
    ]
    path = tmp_path / "voice"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    voice = examined(path)
    assert float(voice.seconds) == pytest.approx(2.0, abs=0.15)
    assert len(heard(path)) == pytest.approx(voice.seconds * 16000, abs=100)


# What is refused


@pytest.mark.parametrize(
    ("codec", "level"),
    [("pcm_u8", 0.0), ("pcm_s16le", 0.0), ("pcm_s16le", 0.0009), ("pcm_f32le", 0.0009)],
)
def test_a_voice_that_says_nothing_is_silent(tmp_path: Path, codec: str, level: float) -> None:
    path = write_voice(tmp_path / "voice.wav", level * 2 * tone(1.0), codec=codec)
    assert "silent" in refused(path, SilentVoice)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s32le", "pcm_f32le"])
def test_a_soft_voice_is_none_the_less_one(tmp_path: Path, codec: str) -> None:
    path = write_voice(tmp_path / "voice.wav", 0.04 * tone(1.0), codec=codec)
    assert examined(path).seconds == 1


def test_a_voice_of_not_numbers_is_refused(tmp_path: Path) -> None:
    samples = np.full(8000, np.nan)
    path = write_voice(tmp_path / "voice.wav", samples, codec="pcm_f32le")
    refused(path, InputError)


@pytest.mark.parametrize("sample", [np.inf, 1e30, -1e5])
def test_a_voice_louder_than_any_sound_is_refused(tmp_path: Path, sample: float) -> None:
    samples = babble(0.5)
    samples[3000] = sample
    path = write_voice(tmp_path / "voice.wav", samples, codec="pcm_f32le")
    refused(path, UnreadableMedia)


def test_a_voice_with_one_sample_that_is_no_number_is_refused(tmp_path: Path) -> None:
    samples = babble(0.5)
    samples[3000] = np.nan
    path = write_voice(tmp_path / "voice.wav", samples, codec="pcm_f32le")
    refused(path, InputError)


def test_a_voice_shorter_than_a_window_is_too_short(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", tone(0.19))
    assert "0.19 s" in refused(path, VoiceTooShort)
    assert examined(write_voice(tmp_path / "voice.wav", tone(0.2))).seconds * 5 == 1


def test_a_video_without_sound_has_no_voice(tmp_path: Path) -> None:
    refused(write_video(tmp_path / "voice.mp4", moving(5)), NoAudioStream)


def test_text_is_no_voice(tmp_path: Path) -> None:
    path = tmp_path / "voice"
    path.write_text("To be, or not to be.\n" * 50)
    refused(path, UnreadableMedia)


def test_a_voice_without_samples_is_unreadable(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", tone(0.5))
    content = path.read_bytes()
    start = content.index(b"data") + 4
    riff = (start - 4).to_bytes(4, "little")
    path.write_bytes(content[:4] + riff + content[8:start] + bytes(4))
    refused(path, UnreadableMedia)


def test_a_missing_spool_copy_is_gone(tmp_path: Path) -> None:
    with pytest.raises(InputGone):
        examined(tmp_path / "voice")


@pytest.mark.parametrize("keep", [0.4, 0.6, 0.85])
@pytest.mark.parametrize(
    ("suffix", "codec", "rate"), [("wav", "pcm_s16le", 16000), ("mka", "flac", 16000)]
)
def test_a_truncated_voice_is_named_as_such(
    tmp_path: Path, suffix: str, codec: str, rate: int, keep: float
) -> None:
    path = write_voice(tmp_path / f"voice.{suffix}", babble(6.0, rate), rate, codec)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert "breaks off" in refused(path, TruncatedMedia)


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg", "m4a", "mka"])
def test_a_whole_voice_is_not_called_truncated(tmp_path: Path, suffix: str) -> None:
    codec = {
        "wav": "pcm_s16le",
        "mp3": "libmp3lame",
        "ogg": "libopus",
        "m4a": "aac",
        "mka": "aac",
        "flac": "flac",
    }[suffix]
    path = write_voice(tmp_path / f"voice.{suffix}", tone(3.0, 48000), 48000, codec)
    assert float(examined(path).seconds) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_is_not_called_truncated(tmp_path: Path, stated: int) -> None:
    """Its writer did not know the length yet."""
    path = write_voice(tmp_path / "voice.wav", tone(1.0))
    content = bytearray(path.read_bytes())
    data = content.index(b"data")
    content[4:8] = content[data + 4 : data + 8] = stated.to_bytes(4, "little")
    path.write_bytes(content)
    assert examined(path).seconds == 1


def test_a_playlist_of_sounds_is_no_voice(tmp_path: Path) -> None:
    write_voice(tmp_path / "other.wav", tone(1.0))
    path = tmp_path / "voice"
    path.write_text("ffconcat version 1.0\nfile other.wav\n")
    refused(path, UnreadableMedia)


def test_blocks_join_without_a_seam(tmp_path: Path) -> None:
    """A pure tone stays one across the edges of decoded frames."""
    voice = examined(write_voice(tmp_path / "voice.wav", tone(1.0, 44100), 44100))
    blocks = [block for block in waveform(voice) if len(block)]
    step = 0.5 * 2 * np.pi * 220 / 16000
    for before, after in pairwise(blocks):
        assert abs(after[0] - before[-1]) <= 1.05 * step
