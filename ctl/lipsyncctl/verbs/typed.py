"""Lengths of time: as they are typed, 90s or 15m, and as they are told, 90 s or 15 min."""

import re
from argparse import ArgumentTypeError

from lipsyncd.jobs.options import MAX_SECONDS

TYPED = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def seconds_of(text: str) -> float:
    """The seconds in 90, 90s, 15m, 2h or 1d; ArgumentTypeError for what is no such time."""
    typed = TYPED.fullmatch(text)
    if not typed:
        raise ArgumentTypeError(f"{text!r} is no time; write 90, 90s, 15m, 2h or 1d")
    seconds = float(typed[1]) * SECONDS[typed[2]]
    if not 0 < seconds <= MAX_SECONDS:
        most = MAX_SECONDS // SECONDS["d"]
        raise ArgumentTypeError(f"a time is more than 0 and at most {most}d, not {text!r}")
    return seconds


def roughly(seconds: float) -> str:
    """One number in the largest unit of which there are about two: 12 s, 90 s, 3 min, 5 h, 2 d."""
    size, unit = next((each for each in UNITS if seconds >= 1.9 * each[0]), UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def exactly(seconds: float) -> str:
    """All of it: 1 h 30 min"""
    parts, left = [], seconds
    for size, unit in UNITS[:-1]:
        count, left = divmod(left, size)
        parts += [f"{count:.0f} {unit}"] if count else []
    return " ".join(parts + ([f"{left:g} s"] if left else []))
