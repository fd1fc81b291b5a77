"""What is typed as an argument, as the value that it stands for; ArgumentTypeError for nonsense."""

import re
import time
from argparse import ArgumentTypeError
from collections.abc import Callable

from lipsyncd.protocol.bounds import MAX_SECONDS

SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
MOMENT = re.compile(r"(\d{1,4}:){0,2}\d{1,9}(\.\d{1,6})?", re.ASCII)
NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
WHOLE = re.compile(r"-?\d+", re.ASCII)
MAX_DIGITS = 18  # so a message has room for the number


def seconds_of(text: str) -> float:
    """The seconds in 90, 90s, 15m, 2h or 1d; ArgumentTypeError for what is no such time."""
    typed = SPAN.fullmatch(text)
    if not typed:
        raise ArgumentTypeError(f"{text!r} is no time; write 90, 90s, 15m, 2h or 1d")
    seconds = float(typed[1]) * SECONDS[typed[2]]
    if not 0 < seconds <= MAX_SECONDS:
        most = MAX_SECONDS // SECONDS["d"]
        raise ArgumentTypeError(f"a time is more than 0 and at most {most}d, not {text!r}")
    return seconds


def moment_before(text: str) -> float:
    """Unix seconds: so long ago as 90m, 12h or 7d, or at a time as 2026-11-30T08:00 by the clock
    here."""
    from datetime import datetime  # noqa: PLC0415  # seldom typed

    if SPAN.fullmatch(text):
        return time.time() - seconds_of(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        words = f"{text!r} is no time; write 90m, 12h or 7d, or 2026-11-30T08:00"
        raise ArgumentTypeError(words) from error


def moment(text: str) -> float:
    """The seconds in 90, 90.5, 1:30.5 or 1:02:03; the daemon judges how many they may be."""
    if not MOMENT.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no time; write 90, 90.5, 1:30.5 or 1:02:03")
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def stretch(text: str) -> tuple[float, float | None]:
    """The two moments in 12.0-15.5 or 1:02-1:05; in 12- the second is the end."""
    begins, dash, ends = text.partition("-")
    if not dash:
        raise ArgumentTypeError(f"{text!r} is no stretch; write 12.0-15.5, 1:02-1:05 or 12-")
    return moment(begins), moment(ends) if ends else None


def number(text: str) -> float:
    """A number such as 0.5."""
    if not NUMBER.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no number such as 0.5")
    return float(text)


def whole(text: str) -> int:
    """A whole number that fits into a message."""
    if not WHOLE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    if len(text) > MAX_DIGITS:
        raise ArgumentTypeError(f"must have at most {MAX_DIGITS} digits")
    return int(text)


def at_least(least: int) -> Callable[[str], int]:
    """Reads a whole number from `least`."""

    def read(text: str) -> int:
        if (found := whole(text)) < least:
            raise ArgumentTypeError(f"must be {least} or more, not {found}")
        return found

    return read
