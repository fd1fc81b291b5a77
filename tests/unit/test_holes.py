"""Holes in a voice are silence: what comes after them is heard when it is due."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import babble, examined, tone, write_voice

from lipsyncd.media.container import open_container
from lipsyncd.media.muxers import AAC
from lipsyncd.media.sound import HOLE, filled, samples_of
from lipsyncd.media.soundtrack import Soundtrack
from lipsyncd.media.voice import waveform

RATE = 16000
SIZE = 1600  # samples of a frame: 0.1 s
FORMS = ["fltp", "flt", "s16", "s16p", "s32", "u8", "u8p"]


def frames(*times: float, form: str = "fltp") -> Iterator[av.AudioFrame]:
    """Loud frames that are due at these times."""
    resample = av.AudioResampler(form, "stereo", RATE)
    for seconds in times:
        loud = np.full((2, SIZE), 0.5, np.float32)
        frame = av.AudioFrame.from_ndarray(loud, "fltp", "stereo")
        frame.sample_rate = RATE
        (made,) = resample.resample(frame)
        made.pts, made.time_base = round(seconds * 1000), Fraction(1, 1000)
        yield made


def loud_parts(given: Iterator[av.AudioFrame]) -> list[tuple[float, float]]:
    """From when to when something is heard, in seconds."""
    samples = np.concatenate([samples_of(frame)[0].astype(float) for frame in given])
    level = np.abs(samples - np.median(samples[:1]))
    is_loud = np.concatenate([[False], level < level.max() / 2 + 1e-9, [False]])
    edges = np.flatnonzero(np.diff(is_loud.astype(int))) / RATE
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_a_hole_is_as_much_silence_whatever_form_the_sound_has(form: str) -> None:
    parts = loud_parts(filled(frames(0, 0.1, 2.5, 2.6, form=form)))
    assert parts == [(0, 0.2), (pytest.approx(2.5, abs=1e-3), pytest.approx(2.7, abs=1e-3))]


def test_sound_that_begins_late_begins_at_once() -> None:
    assert loud_parts(filled(frames(7.0, 7.1))) == [(0, 0.2)]


@pytest.mark.parametrize("times", [(0, 0.13, 0.2), (0, 0.05, 0.2)])
def test_a_clock_that_trembles_makes_no_hole(times: tuple[float, ...]) -> None:
    assert len(list(filled(frames(*times)))) == 3


@pytest.mark.parametrize("restart", [0.0, 9000.0])
def test_what_has_a_nonsensical_time_follows_at_once(restart: float) -> None:
    """A hole behind it is one all the same."""
    times = 5.0, 5.1, restart, restart + 0.1, restart + 1.0
    parts = loud_parts(filled(frames(*times)))
    assert parts == [(0, 0.4), (pytest.approx(1.2, abs=1e-3), pytest.approx(1.3, abs=1e-3))]


def test_a_hole_is_at_most_an_hour() -> None:
    assert HOLE[1] == 3600
    assert sum(frame.samples for frame in filled(frames(0, 3600.0))) == 3600.1 * RATE
    assert sum(frame.samples for frame in filled(frames(0, 3600.2))) == 0.2 * RATE


def test_frames_without_a_time_follow_each_other() -> None:
    given = list(frames(0, 1, 2))
    for frame in given:
        frame.pts = None
    assert list(filled(given)) == given


@pytest.fixture
def holey(tmp_path: Path) -> Path:
    """A second of sound, a second of nothing, and half a second of sound."""
    whole, path = tmp_path / "whole.mka", tmp_path / "voice.mka"
    write_voice(whole, 0.6 * tone(1.5, RATE) + 0.1 * babble(1.5), codec="flac")
    with av.open(str(whole)) as old, av.open(str(path), "w") as new:
        target = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                is_late = packet.pts * packet.time_base >= 1
                packet.pts = packet.dts = packet.pts + (1000 if is_late else 0)
                packet.stream = target
                new.mux(packet)
    return path


def loudness(samples: np.ndarray, rate: int) -> list[bool]:
    """Whether there is sound in each quarter of a second, but at its ends."""
    count = round(len(samples) / rate * 4)
    quarters = [
        samples[at * rate // 4 :][rate // 16 : rate // 4 - rate // 16] for at in range(count)
    ]
    return [bool(np.abs(quarter).max() > 0.1) for quarter in quarters]


def test_lips_and_result_hear_the_same_at_the_same_time(holey: Path) -> None:
    voice = examined(holey)
    assert float(voice.seconds) == pytest.approx(2.5, abs=0.01)
    assert voice.notes == ("The voice has holes of 1.0 s in all; they are silent.",)
    expected = [True] * 4 + [False] * 4 + [True] * 2
    assert loudness(np.concatenate(list(waveform(voice))), RATE)[:10] == expected
    file = io.BytesIO()
    with open_container(holey, "A voice") as media, av.open(file, "w", format="mp4") as result:
        result.mux(list(Soundtrack([voice], [media], result, AAC).rest()))
    file.seek(0)
    with av.open(file) as made:
        stream = made.streams.audio[0]
        samples = np.hstack([frame.to_ndarray() for frame in made.decode(audio=0)])[0]
        assert loudness(samples, stream.rate)[:10] == expected
