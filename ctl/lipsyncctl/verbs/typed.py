"""What is typed as an argument, as the value that it stands for; ArgumentTypeError for nonsense."""

import re
from argparse import ArgumentTypeError

from lipsyncd.protocol.options import MAX_KEY, MAX_SECONDS

TIME = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
WHOLE = re.compile(r"-?\d+", re.ASCII)
MAX_DIGITS = 18  # so a message has room for the number


def seconds_of(text: str) -> float:
    """The seconds in 90, 90s, 15m, 2h or 1d; ArgumentTypeError for what is no such time."""
    typed = TIME.fullmatch(text)
    if not typed:
        raise ArgumentTypeError(f"{text!r} is no time; write 90, 90s, 15m, 2h or 1d")
    seconds = float(typed[1]) * SECONDS[typed[2]]
    if not 0 < seconds <= MAX_SECONDS:
        most = MAX_SECONDS // SECONDS["d"]
        raise ArgumentTypeError(f"a time is more than 0 and at most {most}d, not {text!r}")
    return seconds


def typed_key(text: str) -> str:
    """A key of the user's; ArgumentTypeError if the daemon would not take it."""
    if not 0 < len(text) <= MAX_KEY:
        raise ArgumentTypeError(f"a key has 1 to {MAX_KEY} characters")
    return text


def box(text: str) -> list[int]:
    """The four edges in LEFT,TOP,RIGHT,BOTTOM; whether they enclose anything the daemon judges."""
    try:
        left, top, right, bottom = map(whole, text.split(","))
    except (ValueError, ArgumentTypeError):
        raise ArgumentTypeError(f"{text} is not LEFT,TOP,RIGHT,BOTTOM") from None
    return [left, top, right, bottom]


def whole(text: str) -> int:
    """A whole number that fits into a message."""
    if not WHOLE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number")
    if len(text) > MAX_DIGITS:
        raise ArgumentTypeError(f"must have at most {MAX_DIGITS} digits")
    return int(text)


def number(text: str) -> int:
    """A whole number from 0."""
    if (found := whole(text)) < 0:
        raise ArgumentTypeError(f"must be 0 or more, not {found}")
    return found


def count(text: str) -> int:
    """A whole number from 1."""
    if (found := whole(text)) < 1:
        raise ArgumentTypeError(f"must be 1 or more, not {found}")
    return found
