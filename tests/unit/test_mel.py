"""The mel is that of the whole voice however it is read, and each frame hears its own window."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import pytest
from support.media.synthetic import babble, examined, tone, write_voice

from lipsyncd.media.mel import (
    BLOCK,
    WINDOW,
    clamped,
    column_count,
    mel_columns,
    window_at,
    window_start,
)
from lipsyncd.media.voice import Voice, waveform

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60)]
every_rate = pytest.mark.parametrize("rate", RATES, ids=str)


def voice_of(path: Path, samples: np.ndarray) -> Voice:
    return examined(write_voice(path / "voice.wav", samples))


def starts_of(rate: Fraction, count: int, offset: int) -> list[int]:
    return [window_start(rate, number, offset) for number in range(count)]


def whole(pieces: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(pieces), axis=-1)


def slaney_bank() -> np.ndarray:
    """(80, 401): triangles even on Slaney's mel scale from 55 to 7600 Hz, each of area 1."""

    def mel(hertz: np.ndarray) -> np.ndarray:
        linear = hertz * 3 / 200
        return np.where(
            hertz < 1000, linear, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4)
        )

    def hertz(mels: np.ndarray) -> np.ndarray:
        return np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))

    edges = hertz(np.linspace(*mel(np.array([55.0, 7600.0])), 82))
    bins = np.arange(401) * 16000 / 800
    rows = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        rows.append(np.clip(np.minimum(rising, falling), 0, None) * 2 / (high - low))
    return np.array(rows)


def by_formula(samples: np.ndarray) -> np.ndarray:
    """The mel of a whole waveform in plain numpy, column by column, in float64."""
    x = samples.astype(np.float64)
    y = x - 0.97 * np.concatenate([[0.0], x[:-1]])
    y = np.concatenate([np.zeros(400), y, np.zeros(400)])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 800)
    count = 1 + len(samples) // 200
    spectrum = np.array([np.fft.rfft(hann * y[200 * t : 200 * t + 800]) for t in range(count)])
    decibels = 20 * np.log10(np.maximum(1e-5, slaney_bank() @ np.abs(spectrum.T))) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4)


def by_librosa(samples: np.ndarray) -> np.ndarray:
    """The mel of a whole waveform, centred by librosa itself."""
    emphasised = np.concatenate([samples[:1], samples[1:] - 0.97 * samples[:-1].astype(np.float64)])
    mels = librosa.feature.melspectrogram(
        y=emphasised, sr=16000, n_fft=800, hop_length=200, win_length=800, window="hann",
        center=True, pad_mode="constant", power=1.0, n_mels=80, fmin=55, fmax=7600,
        htk=False, norm="slaney",
    )  # fmt: skip
    return np.clip(8 * (20 * np.log10(np.maximum(1e-5, mels)) + 80) / 100 - 4, -4, 4)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.03, 2.0479, 5.3])
def test_a_mel_made_in_blocks_is_that_of_the_whole(tmp_path: Path, seconds: float) -> None:
    """The lengths lie below, at and beyond one block of columns and several."""
    voice = voice_of(tmp_path, babble(seconds))
    samples = whole(waveform(voice))
    mel = whole(mel_columns(voice))
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel, by_formula(samples), atol=2e-5)
    np.testing.assert_allclose(mel, by_librosa(samples), atol=2e-5)


def test_a_long_mel_comes_in_several_pieces(tmp_path: Path) -> None:
    pieces = list(mel_columns(voice_of(tmp_path, babble(5.3))))
    assert len(pieces) >= 3
    assert max(piece.shape[1] for piece in pieces) * 200 < 2 * BLOCK


@pytest.mark.parametrize("length", [3200, 3399, 3400, 3401, 33000, 65999, 66000])
def test_a_mel_has_one_column_more_than_hops(tmp_path: Path, length: int) -> None:
    voice = voice_of(tmp_path, babble(length / 16000))
    assert whole(mel_columns(voice)).shape == (80, 1 + length // 200)
    assert column_count(voice) == 1 + length // 200


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_a_resampled_voice_has_as_many_columns_as_are_counted(tmp_path: Path, rate: int) -> None:
    path = write_voice(tmp_path / "voice.wav", tone(1.2345, rate), rate)
    voice = examined(path)
    assert whole(mel_columns(voice)).shape[1] == column_count(voice)


def test_silence_is_minus_four_exactly(tmp_path: Path) -> None:
    """A click in the middle, so that the voice is not refused; digital silence around it."""
    samples = np.zeros(64000)
    samples[32000] = 0.5
    mel = whole(mel_columns(voice_of(tmp_path, samples)))
    assert mel.max() > -4
    around = np.r_[0 : 32000 // 200 - 2, 32000 // 200 + 4 : mel.shape[1]]
    assert (mel[:, around] == -4.0).all()


def test_the_loudest_voice_stays_within_bounds(tmp_path: Path) -> None:
    samples = np.sign(np.sin(np.arange(16000) * 0.3))
    mel = whole(mel_columns(voice_of(tmp_path, samples)))
    assert mel.min() >= -4
    assert mel.max() <= 4


@every_rate
@pytest.mark.parametrize("offset", [-2, -1, 0])
def test_a_window_begins_where_its_frame_is_heard(rate: Fraction, offset: int) -> None:
    """floor(80 (i / rate + offset / 25)), in whole numbers."""
    n, d = rate.numerator, rate.denominator
    expected = [(80 * 25 * i * d + 80 * offset * n) // (25 * n) for i in range(400)]
    assert starts_of(rate, 400, offset) == expected


@every_rate
def test_clamped_windows_are_those_of_the_reference(tmp_path: Path, rate: Fraction) -> None:
    """Its loop runs until a window would reach beyond the mel, which is shown once at the end; the
    frames it leaves out at the end hear the same last window."""
    voice = voice_of(tmp_path, babble(3.0))
    columns = 1 + 48000 // 200
    reference, i = [], 0
    while (start := int(i * (80 / float(rate)))) + 16 <= columns:
        reference.append(start)
        i += 1
    reference.append(columns - 16)
    count = round(3 * rate)
    starts = [clamped(start, voice) for start in starts_of(rate, count, 0)]
    assert starts[: len(reference)] == reference
    assert set(starts[len(reference) :]) == {columns - 16}


def test_ten_seconds_at_25_fps_give_the_247_windows_of_the_reference() -> None:
    voice = Voice(Path("voice"), "The voice", Fraction(10), 0)
    starts = [clamped(start, voice) for start in starts_of(Fraction(25), 250, 0)]
    assert starts.index(801 - 16) == 246
    assert starts[246:] == [785] * 4


@every_rate
@pytest.mark.parametrize("offset", [-2, 0])
def test_windows_are_cut_from_the_mel_and_silent_beyond_it(
    tmp_path: Path, rate: Fraction, offset: int
) -> None:
    voice = voice_of(tmp_path, babble(2.5))
    mel = whole(mel_columns(voice))
    around = np.pad(mel, ((0, 0), (32, 32)), constant_values=-4)
    for start in starts_of(rate, round(2.5 * rate), offset):
        window = window_at(start, lambda first, stop: mel.T[first:stop])
        assert window.shape == (80, WINDOW)
        np.testing.assert_array_equal(window, around[:, start + 32 : start + 48])


@pytest.mark.parametrize("start", [-40, -16, -15, 185, 199, 200, 400])
def test_a_window_may_lie_beyond_either_end(start: int) -> None:
    mel = np.arange(200, dtype=np.float32)[:, None] + np.zeros(80, np.float32)
    window = window_at(start, lambda first, stop: mel[first:stop])
    around = np.pad(mel, ((40, 300), (0, 0)), constant_values=-4)
    np.testing.assert_array_equal(window.T, around[start + 40 : start + 56])


def test_starts_never_step_back() -> None:
    for rate in RATES:
        assert all(a <= b for a, b in pairwise(starts_of(rate, 1000, -2)))
