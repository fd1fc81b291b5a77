"""The mel: a waveform as the generator hears it, column by column, and the window of each frame.

The only import of librosa, every argument by keyword.  The numbers are those that published
checkpoints were trained with: 80 bands, 80 columns a second.  A column depends on 800 samples,
so the mel is made in blocks and equals that of the whole (but for rounding).
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction

import librosa
import numpy as np

from lipsyncd.media.voice import SAMPLE_RATE, Voice, waveform

FFT, HOP, BANDS = 800, 200, 80  # samples, samples, mel bands
COLUMN_RATE = SAMPLE_RATE // HOP
LOWEST, HIGHEST = 55, 7600  # Hz
PRE_EMPHASIS = 0.97
FLOOR, REFERENCE, RANGE = 1e-5, 20.0, 100.0  # amplitude; dB; dB
SILENT, LOUDEST = -4.0, 4.0  # a column's value without sound, and the largest there is
WINDOW = 16  # columns the generator hears per frame: 200 ms
TRAINED_RATE = 25  # frames a second: what `mel_offset_frames` counts in
BLOCK = 1 << 15  # samples made into columns at a time


def mel_columns(voice: Voice) -> Generator[np.ndarray, None, None]:
    """The voice's mel in pieces, each (80, n) float32 in [-4, 4]; 1 + samples // 200 in all."""
    bank = bank_of_bands()
    pending = np.zeros(FFT // 2)
    for block in emphasised(waveform(voice)):
        pending = np.concatenate([pending, block])
        if len(pending) >= BLOCK:
            yield columns_of(pending, bank)
            pending = pending[(len(pending) - FFT) // HOP * HOP + HOP :]
    yield columns_of(np.concatenate([pending, np.zeros(FFT // 2)]), bank)


def warm_up() -> None:
    """Use everything of librosa once: it compiles some of it, and makes tables."""
    columns_of(np.zeros(BLOCK), bank_of_bands())


def bank_of_bands() -> np.ndarray:
    """The filters of the mel, (80, 401) float32."""
    return librosa.filters.mel(
        sr=SAMPLE_RATE, n_fft=FFT, n_mels=BANDS, fmin=LOWEST, fmax=HIGHEST, htk=False, norm="slaney"
    )


def emphasised(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """y[n] = x[n] - 0.97 x[n - 1], in float64, across the blocks' edges."""
    last = np.zeros(1)
    for block in blocks:
        samples = np.concatenate([last, block], dtype=np.float64)
        yield samples[1:] - PRE_EMPHASIS * samples[:-1]
        last = samples[-1:]


def columns_of(samples: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Every whole column within the samples: (80, n) float32."""
    spectrum = librosa.stft(
        y=samples, n_fft=FFT, hop_length=HOP, win_length=FFT, window="hann", center=False
    )
    decibels = 20 * np.log10(np.maximum(FLOOR, bank @ np.abs(spectrum))) - REFERENCE
    return np.clip(8 * (decibels + RANGE) / RANGE - 4, -4, 4).astype(np.float32)


def column_count(voice: Voice) -> int:
    return 1 + round(voice.seconds * SAMPLE_RATE) // HOP


def window_start(rate: Fraction, number: int, offset_frames: int, milliseconds: int = 0) -> int:
    """The column at which the window of a frame begins.

    Frame i is heard from `offset_frames` frames of 1/25 s after its own time, whatever its rate,
    and so many milliseconds before that.
    """
    offset = Fraction(offset_frames, TRAINED_RATE) - Fraction(milliseconds, 1000)
    return math.floor(COLUMN_RATE * (number / rate + offset))


def clamped(start: int, voice: Voice) -> int:
    """The start as the reference has it: no window reaches beyond the end of the mel."""
    return min(start, column_count(voice) - WINDOW)


def window_at(start: int, columns: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """The window that begins at a column: (80, 16) float32, silent beyond either end of the mel.

    `columns` gives those from one up to another, as far as there are any: (n, 80).
    """
    window = np.full((WINDOW, BANDS), SILENT, np.float32)
    first, stop = max(0, start), max(0, start + WINDOW)
    found = columns(first, stop)
    window[first - start : first - start + len(found)] = found
    return np.ascontiguousarray(window.T)
