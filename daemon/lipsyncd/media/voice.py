"""A voice: the sound that a job brings, examined once, then read as a waveform in blocks."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr

from lipsyncd.errors import NoAudioStream, SilentVoice, UnreadableMedia, VoiceTooShort
from lipsyncd.jobs.job import Progress
from lipsyncd.media.container import CHECK_IT_PLAYS, frames_of, open_container, refuse_truncated

SAMPLE_RATE = 16000  # of a waveform: what mels are made from
SHORTEST_SECONDS = Fraction(1, 5)  # one window
SIGN_FRAMES = 2000  # audio frames between signs of life while a voice is examined
SILENCE = 1e-3  # of full scale: a voice whose loudest sample is below -60 dB says nothing


@dataclass(frozen=True)
class Voice:
    """What is known of a voice once it was decoded to its end."""

    path: Path
    name: str
    seconds: Fraction
    start: int  # the first sample's timestamp, in the time base of its stream


def examine_voice(path: Path, name: str) -> Generator[Progress, None, Voice]:
    """Decode the whole voice once, yielding now and then: a long one takes a while.

    Raises InputGone, UnreadableMedia, TruncatedMedia, NoAudioStream, VoiceTooShort, SilentVoice.
    """
    with open_container(path, name) as container:
        stream = sound_stream(container, name)
        start, seconds, peak = None, Fraction(0), 0.0
        for count, frame in enumerate(frames_of(stream, name), 1):
            start = (frame.pts or 0) if start is None else start
            seconds += Fraction(frame.samples, frame.sample_rate)
            peak = np.maximum(peak, loudest(frame))  # which, unlike max, keeps a NaN
            if count % SIGN_FRAMES == 0:
                yield Progress(0, 0, 0)
        refuse_truncated(stream, float(seconds), name)
    refuse_unusable(name, seconds, peak)
    return Voice(path, name, seconds, start)


def waveform(voice: Voice) -> Iterator[np.ndarray]:
    """The voice at 16 kHz in blocks of float32 in [-1, 1]: the mean of its channels, by soxr HQ."""
    with open_container(voice.path, voice.name) as container:
        stream = sound_stream(container, voice.name)
        resample = soxr.ResampleStream(stream.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        for frame in frames_of(stream, voice.name):
            for part in planar.resample(frame):
                yield resample.resample_chunk(part.to_ndarray().mean(axis=0, dtype=np.float32))
        yield resample.resample_chunk(np.empty(0, np.float32), last=True)


def sound_stream(container: av.container.InputContainer, name: str) -> av.audio.stream.AudioStream:
    """The first audio stream.  Raises NoAudioStream."""
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        raise NoAudioStream(f"{name} has no sound in it.", "Give a recording as the voice.")
    return stream


def loudest(frame: av.AudioFrame) -> float:
    """The largest magnitude in a frame, as a share of full scale."""
    samples = frame.to_ndarray()
    if samples.dtype == np.uint8:
        samples = samples.astype(np.int16) - 128
        return float(np.abs(samples).max(initial=0)) / 128
    scale = 1 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
    return float(np.abs(samples.astype(np.float32)).max(initial=0)) / scale


def refuse_unusable(name: str, seconds: Fraction, peak: float) -> None:
    if seconds == 0 or math.isnan(peak):
        raise UnreadableMedia(f"No sound of {name} can be decoded.", CHECK_IT_PLAYS)
    if seconds < SHORTEST_SECONDS:
        raise VoiceTooShort(
            f"{name} lasts {float(seconds):.2f} s; it takes {float(SHORTEST_SECONDS)} s or more.",
            "Give a longer recording.",
        )
    if not peak > SILENCE:
        raise SilentVoice(
            f"{name} is silent from beginning to end.", "Give a recording with a voice in it."
        )
