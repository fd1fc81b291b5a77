"""What is typed as an argument, as the value that it stands for; ArgumentTypeError for nonsense."""

import os
import re
from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, get_args

from lipsyncctl.verbs.verb import Argument, argument
from lipsyncd.protocol.choices import MAX_SECONDS, name_of
from lipsyncd.protocol.options import TIME, TRACKS, WHO
from lipsyncd.protocol.terms import DURATION

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


def who(text: str) -> str:
    """A word for a face, or the name of a picture."""
    if text not in WHO and not os.path.isfile(text):
        words = "largest, left, right, all, N (from the left), X,Y@SECONDS"
        raise ArgumentTypeError(f"{text!r} is none of {words}, and no picture of a person")
    return text


def at_least(least: int) -> Callable[[str], int]:
    """Reads a whole number from `least`."""

    def read(text: str) -> int:
        if (found := whole(text)) < least:
            raise ArgumentTypeError(f"must be {least} or more, not {found}")
        return found

    return read


# How a value of a type is shown in the help, and read.
READERS: dict[Any, tuple[str, Callable[[str], object]]] = {
    int: ("N", whole),
    float: ("X", number),
    tuple[int, int, int, int]: ("L,T,R,B", box),
}

EACH = {WHO: "WHO|FILE", TRACKS: "N"}  # typed once for each voice, with how it is shown


def arguments_of(kind: type[Any], without: Collection[str] = ()) -> list[Argument]:
    """One for each field of Options, Terms or Redo; the defaults are the daemon's, so none is
    here."""
    return [argument_of(each) for each in fields(kind) if each.name not in without]


def argument_of(field: Any) -> Argument:
    """Read by the type of the field. Text is one of its values; of the rest the daemon judges."""
    values, words = field.metadata["values"], field.metadata["words"]
    name = f"--{name_of(field.name).replace('_', '-')}"
    how = {"dest": field.name, "help": words}
    if field.type is bool:
        return argument(name, action=BooleanOptionalAction, **how)
    if values.choices:
        return argument(name, choices=values.choices, **how)
    if values is TIME:
        return argument(name, metavar="[[H:]M:]S", type=moment, **how)
    if values is DURATION:
        return argument(name, metavar="TIME", type=seconds_of, **how)

    more = {"action": "append"} if values in EACH else {}

    def text_of(text: str) -> str:
        if text not in values:
            raise ArgumentTypeError(f"{name_of(field.name)} {values.refusal}")
        return text

    (kind, *_) = get_args(field.type | None)
    metavar, read = READERS.get(
        kind, (EACH.get(values, field.name.upper()), who if values is WHO else text_of)
    )
    return argument(name, metavar=metavar, type=read, **how, **more)
