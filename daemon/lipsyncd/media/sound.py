"""Sound: decoded frames brought into another form, whatever forms they come in, and their level."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby

import av
import numpy as np

from lipsyncd.errors import UnreadableMedia
from lipsyncd.media.container import CONVERT, DAMAGE
from lipsyncd.media.limits import CHANNELS, SAMPLE_RATES
from lipsyncd.media.memory import refuse_lack

# Of more channels in planes of their own PyAV takes what lies behind their addresses for addresses.
PLANES = 7


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
        raise UnreadableMedia(f"{name} has sound that cannot be converted.", CONVERT) from error


def kind_of(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def samples_of(frame: av.AudioFrame) -> np.ndarray:
    """(channels, samples), in the frame's own type."""
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels > PLANES:
        (frame,) = av.AudioResampler(frame.format.packed).resample(frame)
    samples = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, channels).T


def loudest(frame: av.AudioFrame) -> float:
    """The largest magnitude in a frame, as a share of full scale."""
    samples = samples_of(frame)
    if samples.dtype == np.uint8:
        samples = samples.astype(np.int16) - 128
        return float(np.abs(samples).max(initial=0)) / 128
    scale = 1 if samples.dtype.kind == "f" else -float(np.iinfo(samples.dtype).min)
    return float(np.abs(samples.astype(np.float32)).max(initial=0)) / scale


def refuse_odd(rate: int, channels: int, name: str) -> None:
    """Raise UnreadableMedia for sound that no microphone records and no player plays."""
    if rate not in SAMPLE_RATES or not 0 < channels <= CHANNELS:
        raise UnreadableMedia(
            f"{name} states {channels} channels of {rate} samples a second.",
            CONVERT,
        )
