"""What lips follow: the window of each frame, as the options have it."""

from collections import deque
from collections.abc import Callable
from fractions import Fraction
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.synthetic import examined
from support.paths import VOICES

from lipsyncd.media.mel import LOUDEST, SILENT
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.options import Options
from lipsyncd.render.hearing import hear, heard_in, louder
from lipsyncd.render.work import Work

Heard = Callable[..., np.ndarray]  # the windows of TOTAL frames, by options

RATE = Fraction(25)
TOTAL = 100  # frames, of which harbour.flac has 94


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    folder = tmp_path_factory.mktemp("hearing")
    return InProcess(models_of(write_safetensors(folder / "weights", random_generator())))


@pytest.fixture(scope="module")
def voice() -> Voice:
    return examined(VOICES / "harbour.flac")


@pytest.fixture
def heard(models: InProcess, voice: Voice) -> Heard:
    def hearing(until: Fraction | None = None, **chosen: Any) -> np.ndarray:
        options = Options(**chosen)
        with TemporaryFile() as file:
            work = Work(file, b"key")
            deque(hear([voice], options, work, until), maxlen=0)
            heard = heard_in(work, [voice], options, RATE, models.conventions.mel_offset_frames)
            return np.stack([heard[0].window(number) for number in range(TOTAL)])

    return hearing


def test_lips_hear_nothing_while_nobody_speaks(heard: Heard) -> None:
    close, follow = heard(), heard(silence="follow")
    silent = (close == SILENT).all(axis=(1, 2))
    assert silent[-3:].all()
    assert 3 <= silent.sum() <= 25
    assert (close <= follow + 1e-5).all()
    assert (close < follow).any()
    spoken = slice(45, 75)
    np.testing.assert_array_equal(close[spoken], follow[spoken])


@pytest.mark.parametrize("milliseconds", [-1000, -80, 40, 1000])
def test_lips_that_come_later_hear_what_was_before(heard: Heard, milliseconds: int) -> None:
    plain = heard(silence="follow")
    moved = heard(silence="follow", audio_offset=milliseconds)
    frames = milliseconds * 25 // 1000
    first, last = max(0, frames), TOTAL + min(0, frames)
    np.testing.assert_array_equal(moved[first:last], plain[first - frames : last - frames])


@pytest.mark.parametrize("milliseconds", [-1000, 0, 1000])
def test_what_is_heard_up_to_a_time_is_all_that_its_frames_need(
    heard: Heard, milliseconds: int
) -> None:
    until = Fraction(1)
    whole = heard(audio_offset=milliseconds)
    part = heard(until=until, audio_offset=milliseconds)
    needed = slice(0, 26)
    np.testing.assert_array_equal(part[needed], whole[needed])
    assert not np.array_equal(part, whole)


def test_the_reference_hears_all_of_it(heard: Heard, voice: Voice) -> None:
    windows = heard(blend="box")
    np.testing.assert_array_equal(windows, heard(blend="box", silence="follow"))
    last = round(voice.seconds * RATE)
    np.testing.assert_array_equal(windows[last + 1], windows[last + 2])


def test_a_soft_mouth_moves_further_if_it_hears_more(heard: Heard) -> None:
    plain, more, nothing = (heard(blend="soft", expression=each) for each in (1.0, 1.5, 0.0))
    assert (more >= plain).all()
    assert more.max() <= LOUDEST
    assert (more > plain).any()
    assert (nothing == SILENT).all()
    np.testing.assert_array_equal(heard(expression=1.5), heard())


def test_loudness_is_scaled_from_silence() -> None:
    window = np.array([[SILENT, 0.0, LOUDEST]], np.float32)
    np.testing.assert_array_equal(louder(window, 0.5), [[SILENT, -2.0, 0.0]])
    np.testing.assert_array_equal(louder(window, 1.5), [[SILENT, 2.0, LOUDEST]])
