"""Hearing: the window of sound that the lips of each frame follow."""

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np

from lipsyncd.media.mel import (
    BANDS,
    COLUMN_RATE,
    LOUDEST,
    SILENT,
    clamped,
    mel_columns,
    window_at,
    window_start,
)
from lipsyncd.media.speech import CHUNK_RATE, speech, speech_at
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.options import Options
from lipsyncd.render.work import Kind, Record, Work

VALUE, SHARE = np.dtype("<f4"), np.dtype("<f8")
BEYOND = 2  # seconds by which a window may be after its frame, with all that it depends on
COLUMN = BANDS * VALUE.itemsize  # bytes


def hear(
    voices: Sequence[Voice], options: Options, work: Work, until: Fraction | None = None
) -> Generator[None, None, None]:
    """Note the mel of each voice, and how far somebody speaks in it, if that is asked; each yield
    is some progress.  After `until`, in seconds, there need be nothing."""
    for number, voice in enumerate(voices):
        yield from hear_mel(number, voice, work, until)
        if minds_silence(options):
            yield from hear_speech(number, voice, work, until)


def hear_mel(
    number: int, voice: Voice, work: Work, until: Fraction | None
) -> Generator[None, None, None]:
    left = math.inf if until is None else (until + BEYOND) * COLUMN_RATE
    with work.added(Kind.MEL, number) as file, closing(mel_columns(voice)) as pieces:
        for columns in pieces:
            file.write(columns.T.astype(VALUE).tobytes())
            yield
            left -= columns.shape[1]
            if left <= 0:
                break


def hear_speech(
    number: int, voice: Voice, work: Work, until: Fraction | None
) -> Generator[None, None, None]:
    most = None if until is None else math.ceil((until + BEYOND) * CHUNK_RATE)
    with work.added(Kind.SPEECH, number) as file, closing(speech(voice)) as shares:
        for share in islice(shares, most):
            file.write(SHARE.type(share).tobytes())
            yield


def minds_silence(options: Options) -> bool:
    """Whether lips come to rest where nobody speaks."""
    return options.silence == "close" and options.blend != "box"


@dataclass(frozen=True)
class Heard:
    """What was noted of a voice, for frames of the result in any order.

    `rate` is the result's; `offset` counts frames of 1/25 s, as the conventions do.
    """

    voice: Voice
    options: Options
    rate: Fraction
    offset: int
    work: Work
    mel: Record
    speech: Record | None

    def window(self, number: int) -> np.ndarray:
        """(80, 16) float32 for a frame; where nobody speaks it is silent."""
        options = self.options
        start = window_start(self.rate, number, self.offset, options.audio_offset)
        if options.blend == "box":
            return window_at(clamped(start, self.voice), self._columns)
        window = window_at(start, self._columns)
        if options.blend == "soft":
            window = louder(window, options.expression)
        return louder(window, speech_at(start, self._shares)) if self.speech else window

    def _columns(self, first: int, stop: int) -> np.ndarray:
        return np.frombuffer(self._read(self.mel, COLUMN, first, stop), VALUE).reshape(-1, BANDS)

    def _shares(self, first: int, stop: int) -> list[float]:
        assert self.speech is not None
        return np.frombuffer(self._read(self.speech, SHARE.itemsize, first, stop), SHARE).tolist()

    def _read(self, record: Record, size: int, first: int, stop: int) -> bytes:
        """Of what a record holds, each so many bytes, from one up to another, or to the last."""
        start, end = (min(record.start + each * size, record.stop) for each in (first, stop))
        return self.work.read_at(start, end - start)


def heard_in(
    work: Work, voices: Sequence[Voice], options: Options, rate: Fraction, offset: int
) -> tuple[Heard, ...]:
    """What was noted of all voices, in their order."""
    mels, speeches = work.of(Kind.MEL), work.of(Kind.SPEECH)
    return tuple(
        Heard(voice, options, rate, offset, work, mels[number], speeches.get(number))
        for number, voice in enumerate(voices)
    )


def louder(window: np.ndarray, gain: float) -> np.ndarray:
    """A window with so much of its loudness, in decibels: at 0 it is silent."""
    if gain == 1:
        return window
    return np.minimum(SILENT + np.float32(gain) * (window - SILENT), LOUDEST)
