"""The voices of the quality bench: what is said, how loud, where nobody speaks, and when lips meet.

Each sentence of tests/media is followed by a second of a quiet hum, in which lips should rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from hama import ASRModel

from lipsyncd.media.mel import mel_columns, window_start
from lipsyncd.media.speech import speech, speech_at
from lipsyncd.media.voice import SAMPLE_RATE, Voice, examine_voice, waveform
from support.media.synthetic import write_voice
from support.paths import ROOT, VOICES

CACHE = ROOT / ".cache/quality"
SENTENCES = "harbour.flac", "paper.wav"
HUM_SECONDS, HUM_LEVEL = 1.0, 0.01  # of full scale: -40 dB
SMOOTHING = 0.16  # seconds over which loudness is averaged
PIECE_SECONDS = 6  # that the recogniser hears at once
BILABIALS = "p", "b", "m"  # in which lips meet


@dataclass(frozen=True)
class Heard:
    """A voice as it is measured.  `bilabials`: the seconds at which a /p/, /b/ or /m/ is heard."""

    path: Path
    voice: Voice
    mel: np.ndarray
    samples: np.ndarray
    bilabials: tuple[float, ...]

    def loudness(self, rate: Fraction, count: int) -> np.ndarray:
        """The root mean square around the middle of each of `count` frames."""
        power, half = self.samples.astype(np.float64) ** 2, round(SMOOTHING / 2 * SAMPLE_RATE)
        middles = [round((number + 0.5) / rate * SAMPLE_RATE) for number in range(count)]
        around = (power[max(0, at - half) : at + half] for at in middles)
        return np.array([part.mean() ** 0.5 if part.size else 0.0 for part in around])

    def speech(self, rate: Fraction, count: int, offset_frames: int = -2) -> np.ndarray:
        """How far somebody speaks in each of `count` frames, 0 to 1.  `offset_frames`: as in the
        conventions of the checkpoint."""
        shares = list(speech(self.voice))
        starts = (window_start(rate, number, offset_frames) for number in range(count))
        return np.array([speech_at(start, lambda a, b: shares[a:b]) for start in starts])


def heard(path: Path) -> Heard:
    """The voice in a file."""
    voice = examine_voice(path, path.name)
    samples = np.concatenate(list(waveform(voice)))
    mel = np.hstack(list(mel_columns(voice)))
    return Heard(path, voice, mel, samples, tuple(bilabials(samples)))


def voices() -> list[Path]:
    """The sentences, each with its hum; they are made where they are not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return [hummed(VOICES / name) for name in SENTENCES]


def hummed(sentence: Path) -> Path:
    path = CACHE / f"{sentence.stem}.wav"
    if not path.exists():
        said = np.concatenate(list(waveform(examine_voice(sentence, sentence.name))))
        part = path.with_suffix(".part.wav")
        write_voice(part, np.concatenate([said, hum()]), SAMPLE_RATE).replace(path)
    return path


def hum() -> np.ndarray:
    """Brown noise, as a fan makes it: the sum of white noise, and of itself a little less."""
    white = np.random.default_rng(1).standard_normal(round(HUM_SECONDS * SAMPLE_RATE))
    brown = np.zeros_like(white)
    for at in range(1, len(white)):
        brown[at] = 0.98 * brown[at - 1] + white[at]
    return HUM_LEVEL * brown / brown.std()


@cache
def recogniser() -> ASRModel:
    """A recogniser of phonemes (hama, Apache 2.0)."""
    return ASRModel()


def bilabials(samples: np.ndarray) -> Iterator[float]:
    """The seconds at which each /p/, /b/ or /m/ is recognised."""
    piece = PIECE_SECONDS * SAMPLE_RATE
    for start in range(0, len(samples), piece):
        result = recogniser()(samples[start : start + piece], SAMPLE_RATE)
        for span in recogniser().phoneme_spans(result):
            if span.phoneme in BILABIALS:
                yield start / SAMPLE_RATE + span.start_ms / 1000
