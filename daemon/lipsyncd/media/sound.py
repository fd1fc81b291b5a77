"""Sound: decoded frames brought into another form, whatever forms they come in, and their level."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, groupby

import av
import numpy as np

from lipsyncd.errors import UnreadableMedia
from lipsyncd.media.advice import CONVERT_VOICE
from lipsyncd.media.container import DAMAGE
from lipsyncd.media.limits import CHANNELS, SAMPLE_RATES
from lipsyncd.media.memory import refuse_lack

# Of more channels in planes of their own PyAV takes what lies behind their addresses for addresses.
PLANES = 7
# Seconds without sound between two frames: less is no hole, and more nonsense.
HOLE = Fraction(1, 10), Fraction(3600)
EVEN = Fraction(1, 100)  # seconds by which a timestamp may be off, as it is in whole milliseconds


def resampled(
    frames: Iterable[av.AudioFrame],
    name: str,
    rate: int,
    *,
    form: av.AudioFormat | str = "fltp",
    layout: av.AudioLayout | None = None,
    size: int | None = None,
) -> Iterator[av.AudioFrame]:
    """The frames at one rate and in one form; without `layout` each keeps its channels.

    They may change in the middle of a file.  Raises UnreadableMedia.
    """
    try:
        for _, alike in groupby(frames, kind_of):
            resample = av.AudioResampler(form, layout, rate, size)
            for frame in chain(alike, [None]):
                yield from filter(None, resample.resample(frame))
    except DAMAGE as error:
        refuse_lack(error)
        raise UnreadableMedia(
            f"{name} has sound that cannot be converted.", CONVERT_VOICE
        ) from error


class Timing:
    """When frames are heard that come one after the other, by their timestamps.

    `is_even`: so far each was due when the one before it ended, and a player needs no more.
    """

    def __init__(self) -> None:
        self.is_even = True
        self._heard = Fraction(0)
        self._start: Fraction | None = None

    def hole(self, frame: av.AudioFrame) -> Fraction:
        """How many seconds of silence belong before the next frame.

        Nobody recorded them, or nobody could store that; what comes after is not to be early.
        """
        hole = Fraction(0)
        if frame.pts is not None and frame.time_base:
            due = frame.pts * frame.time_base
            self._start = due if self._start is None else self._start
            astray = due - self._start - self._heard
            self.is_even &= abs(astray) <= EVEN
            if HOLE[0] < astray <= HOLE[1]:
                hole = astray
            elif abs(astray) > HOLE[0]:
                self._start += astray  # its timestamps are nonsense, or those of something else
        self._heard += hole + Fraction(frame.samples, frame.sample_rate)
        return hole


def filled(frames: Iterable[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The frames, and silence where there is a hole between them."""
    timing = Timing()
    for frame in frames:
        missing = round(timing.hole(frame) * frame.sample_rate)
        for begin in range(0, missing, frame.sample_rate):
            yield silence_like(frame, min(frame.sample_rate, missing - begin))
        yield frame


def silence_like(frame: av.AudioFrame, samples: int) -> av.AudioFrame:
    """So many samples of nothing, in the form of another frame."""
    silence = av.AudioFrame(frame.format.name, frame.layout.name, samples)
    silence.sample_rate = frame.sample_rate
    level = b"\x80" if frame.format.name.startswith("u8") else b"\0"
    for plane in silence.planes:
        plane.update(level * plane.buffer_size)
    return silence


def kind_of(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def samples_of(frame: av.AudioFrame) -> np.ndarray:
    """(channels, samples), in the frame's own type."""
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels > PLANES:
        (frame,) = av.AudioResampler(frame.format.packed).resample(frame)
    samples = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, channels).T


def levels_of(frame: av.AudioFrame) -> np.ndarray:
    """(channels, samples) float32: shares of full scale, -1 to 1 where they are not clipped."""
    samples = samples_of(frame)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    scale = 1.0 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float32) / np.float32(scale)


def refuse_odd(rate: int, channels: int, name: str) -> None:
    """Raise UnreadableMedia for sound that no microphone records and no player plays."""
    if rate not in SAMPLE_RATES or not 0 < channels <= CHANNELS:
        raise UnreadableMedia(
            f"{name} states {channels} channels of {rate} samples a second.",
            CONVERT_VOICE,
        )
