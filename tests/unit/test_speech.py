"""Speech: where somebody speaks, with what belongs to it, eased, and frame by frame."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.media.bombs import wav
from support.media.synthetic import examined
from support.paths import VOICES

from lipsyncd.media.mel import COLUMN_RATE, WINDOW, window_start
from lipsyncd.media.speech import (
    AFTER,
    BEFORE,
    BEGINS,
    CHUNK,
    EASED,
    ENDS,
    eased_of,
    likelihoods,
    speech,
    speech_at,
    spoken,
)
from lipsyncd.media.voice import SAMPLE_RATE, Voice, waveform

RATE = Fraction(25)
QUIET, LOUD = 0.0, 0.9


@pytest.fixture(scope="module")
def harbour() -> Voice:
    return examined(VOICES / "harbour.flac")


def padded(voice: Voice, folder: Path, seconds: float, level: float = 0.0) -> Voice:
    """A voice with silence around it, or with noise of a level everywhere."""
    samples = np.concatenate(list(waveform(voice)))
    rest = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    whole = np.concatenate([rest, samples, rest])
    whole += np.random.default_rng(7).normal(0, level or 1e-9, len(whole))
    content = np.clip(32767 * whole, -32768, 32767).astype("<i2").tobytes()
    path = folder / "padded.wav"
    path.write_bytes(wav(SAMPLE_RATE, 1, content))
    return examined(path)


def by_frame(voice: Voice) -> list[float]:
    count = round(voice.seconds * RATE)
    return gains_at(voice, (window_start(RATE, number, -2) for number in range(count)))


def gains_at(voice: Voice, starts: Iterable[int]) -> list[float]:
    shares = list(speech(voice))
    return [speech_at(start, lambda first, stop: shares[first:stop]) for start in starts]


@pytest.mark.parametrize("level", [0.0, 0.01], ids=["in a quiet room", "in noise"])
def test_speech_is_known_from_what_is_around_it(
    harbour: Voice, tmp_path: Path, level: float
) -> None:
    gains = by_frame(padded(harbour, tmp_path, 1.0, level))
    assert max(gains[:15]) == 0
    assert max(gains[-15:]) == 0
    said = gains[30 : len(gains) - 40]
    assert sum(said) / len(said) > 0.85


def test_a_voice_without_speech_has_none(tmp_path: Path) -> None:
    samples = 8000 * np.sin(np.arange(3 * SAMPLE_RATE) * 2 * np.pi * 110 / SAMPLE_RATE)
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(SAMPLE_RATE, 1, samples.astype("<i2").tobytes()))
    assert max(by_frame(examined(path))) == 0


def test_the_same_voice_is_judged_alike_each_time(harbour: Voice) -> None:
    """Though the detector that has heard another one before is used again."""
    first = list(likelihoods(harbour))
    list(likelihoods(examined(VOICES / "paper.wav")))
    assert list(likelihoods(harbour)) == first
    assert len(first) == -(-len(np.concatenate(list(waveform(harbour)))) // CHUNK)


def test_two_voices_can_be_judged_at_once(harbour: Voice) -> None:
    alone = list(likelihoods(harbour))
    paper = likelihoods(examined(VOICES / "paper.wav"))
    beside = [value for value, _ in zip(likelihoods(harbour), paper, strict=False)]
    assert beside == alone[: len(beside)]


def chunks(*runs: tuple[float, int]) -> Iterator[float]:
    return (value for value, count in runs for _ in range(count))


def test_some_chunks_before_and_after_belong_to_speech() -> None:
    flags = list(spoken(chunks((QUIET, 20), (LOUD, 10), (QUIET, 20))))
    assert flags == [20 - BEFORE <= number < 30 + AFTER for number in range(50)]


@pytest.mark.parametrize("count", range(1, 8))
def test_each_chunk_is_told_once(count: int) -> None:
    assert list(spoken(chunks((LOUD, count)))) == [True] * count
    assert list(spoken(chunks((QUIET, count)))) == [False] * count


def test_speech_that_has_begun_goes_on_at_less() -> None:
    between = (BEGINS + ENDS) / 2
    assert not any(spoken(chunks((between, 30))))
    assert list(spoken(chunks((LOUD, 1), (between, 30)))) == [True] * 31


def test_nothing_begins_or_ends_at_once() -> None:
    flags = [10 <= number < 30 for number in range(40)]
    eased = np.array(list(eased_of(flags)))
    assert len(eased) == 40
    assert np.abs(np.diff(eased)).max() == pytest.approx(1 / EASED)
    assert eased[10 + EASED // 2 : 30 - EASED // 2].min() == 1
    np.testing.assert_allclose(eased, eased[::-1])


def test_beyond_the_ends_of_a_voice_nobody_speaks(harbour: Voice) -> None:
    seconds = float(harbour.seconds) + 1
    starts = range(-200, round(seconds * COLUMN_RATE), 4)
    gains = gains_at(harbour, starts)
    before = [gain for start, gain in zip(starts, gains, strict=True) if start < -WINDOW - 30]
    assert max(before) == gains[0]
    assert max(gains[-10:]) == 0
