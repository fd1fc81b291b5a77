"""A verdict: what became of a job with damaged files, and whether that is as it should be."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from lipsyncd.errors import InputError

VALID = "a valid result"
NAMES = {VALID, *(error.name for error in InputError.family())}
AAC_FRAME = 1024  # samples: the last frame of a track is filled up


@dataclass(frozen=True)
class Verdict:
    """`name` is an error's, or says what else came of it; the rest is what it cost.

    `silence` is the longest time between two signs of life, `peak` the memory it took at most.
    """

    number: int
    kind: str
    format: str
    name: str
    seconds: float = 0.0
    silence: float = 0.0
    peak_mib: int = 0

    @property
    def is_good(self) -> bool:
        return self.name in NAMES


def named(result: Path, frames: int) -> str:
    """What a result is: valid if it decodes whole, and has so many frames and sound for them."""
    try:
        found, rate, sound = measured(result)
    except (av.FFmpegError, OSError, StopIteration) as error:
        return f"a result that does not decode ({error!r})"
    if found != frames:
        return f"a result of {found} frames instead of {frames}"
    if abs(found / rate - sound) > 1 / rate + AAC_FRAME / 8000:
        return f"a result with {float(sound):.2f} s of sound for {found} frames"
    return VALID


def measured(result: Path) -> tuple[int, Fraction, Fraction]:
    """How many frames a result has, its rate, and how many seconds of sound."""
    frames, sound = 0, Fraction(0)
    with av.open(str(result)) as container:
        rate = container.streams.video[0].average_rate
        for frame in container.decode(video=0, audio=0):
            if isinstance(frame, av.VideoFrame):
                frames += 1
            else:
                sound += Fraction(frame.samples, frame.sample_rate)
    return frames, rate, sound
