"""A rate: the constant one, in frames a second, at which a face is shown whatever its own is."""

import math
from fractions import Fraction

import av

from lipsyncd.media.limits import FASTEST, FINEST, SLOWEST

STILL_RATE = Fraction(25)  # of the result of a still: the rate that generators are trained at
FILM = Fraction(23)  # frames a second, or a little more: less is a slide show
STANDARD_RATES = tuple(
    Fraction(rate)
    for rate in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120")
)
PACED, LOOKED_AT = 8, 5000  # pictures over which a pace is measured, and how often at most
TREMBLING = Fraction(1, 25)  # of a rate: how far off a pace is that is measured
TELEVISION = Fraction(1000, 1001)  # of a whole number: the rates of NTSC
ROUNDED = 3e-4  # of a rate: so much is lost where they are written as 23.98 or 59.94


def constant_rate(stream: av.VideoStream) -> Fraction:
    """Frames a second: the stream's own, or a variable one's in its fast parts, where that is to be
    found out, else the next standard rate above its mean."""
    mean, nominal = sane(stream.average_rate), sane(stream.guessed_rate)
    if not mean:
        return nominal or STILL_RATE
    if (fast := fastest(stream)) and fast > mean * Fraction(21, 20):
        return fast
    if nominal and mean * Fraction(98, 100) <= nominal <= mean * Fraction(5, 4):
        return nominal
    is_of_fields = nominal and abs(nominal / mean - 2) < Fraction(1, 50)
    if nominal in STANDARD_RATES and nominal >= mean and not is_of_fields:
        return nominal  # of its fast parts; the others have gaps
    return next((rate for rate in STANDARD_RATES if rate >= mean * Fraction(99, 100)), mean)


def fastest(stream: av.VideoStream) -> Fraction | None:
    """The standard rate of the fast parts of a stream whose index has every picture."""
    entries = stream.index_entries
    count = len(entries) - PACED
    if count <= 0 or abs(len(entries) - stream.frames) > stream.frames // 10:
        return None
    looked_at = range(0, count, math.ceil(count / LOOKED_AT))
    steps = sorted(entries[at + PACED].timestamp - entries[at].timestamp for at in looked_at)
    assert stream.time_base  # without one there would be no source
    step = steps[len(steps) // 10] * stream.time_base
    pace = PACED / step if step > 0 else Fraction(0)
    nearest = min(STANDARD_RATES, key=lambda rate: abs(pace - rate))
    return nearest if abs(pace - nearest) < nearest * TREMBLING else None


def fluent(rate: Fraction) -> Fraction:
    """The rate, or so many times it that lips are seen to move: each picture is shown so often."""
    return rate if rate >= FILM else rate * math.ceil(STILL_RATE / rate)


def notes_of(name: str, stream: av.VideoStream, rate: Fraction) -> tuple[str, ...]:
    """What is said of a rate that was found for a video, where it is not just its own."""
    mean, pace = stream.average_rate, constant_rate(stream)
    if mean is None or not sane(mean):
        stated = f"states {worded(mean)} pictures a second" if mean else "states no rate"
        return (f"{name} {stated}; the result has {worded(rate)}.",)
    if abs(pace - mean) > mean / 50:
        its = f"{name} has {worded(mean)} pictures a second in the mean, at no constant rate"
        return (f"{its}; the result has {worded(rate)}.",)
    if rate != pace:
        again = f"each is shown {rate / pace} times, for lips to move"
        return (f"{name} has {worded(pace)} pictures a second; {again}.",)
    return ()


def worded(rate: Fraction) -> str:
    return f"{float(rate):.5g}"


def exact(fps: float) -> Fraction:
    """A rate as it was typed: 23.976, 29.97 and 59.94 stand for those of television."""
    of_television = round(fps / TELEVISION) * TELEVISION
    is_near = abs(of_television - Fraction(fps)) < ROUNDED * fps
    return of_television if is_near else Fraction(fps).limit_denominator(1000)


def sane(rate: Fraction | None) -> Fraction | None:
    """The rate, in a fraction that an encoder's clock can count; None where it is no rate."""
    if not rate or not SLOWEST <= rate <= FASTEST:
        return None
    return rate if rate.denominator <= FINEST else rate.limit_denominator(FINEST)
