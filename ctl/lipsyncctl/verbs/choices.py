"""The options of a job as arguments, one for each field of Options, Terms and Redo; and back."""

import os
from argparse import ArgumentTypeError, BooleanOptionalAction, Namespace
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from typing import Any, get_args

from lipsyncctl.verbs.typed import moment, number, seconds_of, whole
from lipsyncctl.verbs.verb import Argument, argument, group
from lipsyncd.protocol.choices import name_of
from lipsyncd.protocol.options import PICTURED, TIME, TRACKS, WHO, Options
from lipsyncd.protocol.terms import DURATION, Terms


def box(text: str) -> list[int]:
    """The four edges in LEFT,TOP,RIGHT,BOTTOM; whether they enclose anything the daemon judges."""
    try:
        left, top, right, bottom = map(whole, text.split(","))
    except (ValueError, ArgumentTypeError):
        raise ArgumentTypeError(f"{text} is not LEFT,TOP,RIGHT,BOTTOM") from None
    return [left, top, right, bottom]


def who(text: str) -> str:
    """A word for a face, or the name of a picture."""
    if text not in WHO and not os.path.isfile(text):
        words = "largest, left, right, all, N (from the left), X,Y@SECONDS"
        raise ArgumentTypeError(f"{text!r} is none of {words}, and no picture of a person")
    return text


# How a value of a type is shown in the help, and read.
READERS: dict[Any, tuple[str, Callable[[str], object]]] = {
    int: ("N", whole),
    float: ("X", number),
    tuple[int, int, int, int]: ("L,T,R,B", box),
}

EACH = {WHO: "WHO|FILE", TRACKS: "N"}  # typed once for each voice, with how it is shown
JOINED = "who", "voice_track"  # their fields


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


OPTIONS = group("how it is rendered", *arguments_of(Options))
WORK = argument(
    "--work",
    metavar="FILE",
    help="what jobs with a --share have made of this one, one behind the other in a file: that is "
    "not made again",
)
TERMS = group(
    "when it is rendered, and for whom",
    *arguments_of(Terms),
    text="A TIME is typed as 90 or 90s (seconds), 15m, 2h or 1d.",
)


def options_of(arguments: Namespace) -> tuple[dict[str, Any], list[str]]:
    """What was typed of them, None for the others; and the pictures of people among it."""
    given = {each.name: getattr(arguments, each.name) for each in fields(Options)}
    given["who"], pictures = told_who(given["who"])
    return given | {name: given[name] and " ".join(given[name]) for name in JOINED}, pictures


def told_who(typed: Sequence[str] | None) -> tuple[list[str] | None, list[str]]:
    """What is said of each voice, and the pictures of people among what was typed for it."""
    if typed is None:
        return None, []
    pictures = [each for each in typed if each not in WHO]
    return [PICTURED if each in pictures else each for each in typed], pictures
