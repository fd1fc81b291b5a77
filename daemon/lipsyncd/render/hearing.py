"""Hearing: the window of sound that the lips of each frame follow."""

from collections.abc import Iterator
from itertools import count, tee

import numpy as np

from lipsyncd.media.mel import (
    LOUDEST,
    SILENT,
    clamped,
    mel_columns,
    mel_windows,
    window_starts,
)
from lipsyncd.media.source import Source
from lipsyncd.media.speech import speech
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.options import Options
from lipsyncd.render.models import Models


def hear(voice: Voice, source: Source, options: Options, models: Models) -> Iterator[np.ndarray]:
    """The window of each frame, without end; where nobody speaks it is silent."""
    offset = models.conventions.mel_offset_frames
    starts, same = tee(window_starts(source.rate, count(), offset, options.audio_offset))
    if options.blend == "box":
        return mel_windows(mel_columns(voice), clamped(starts, voice))
    windows = mel_windows(mel_columns(voice), starts)
    if options.blend == "soft":
        windows = (louder(window, options.expression) for window in windows)
    if options.silence == "follow":
        return windows
    return map(louder, windows, speech(voice, same))


def louder(window: np.ndarray, gain: float) -> np.ndarray:
    """A window with so much of its loudness, in decibels: at 0 it is silent."""
    if gain == 1:
        return window
    return np.minimum(SILENT + np.float32(gain) * (window - SILENT), LOUDEST)
