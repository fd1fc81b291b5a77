"""What a field may hold: its values, and the words that refuse any other.

One table of fields serves the configuration, requests and the command line: a dataclass whose
fields say, beside their defaults, which Values they have.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Values:
    """`refusal` is said of any other value, after the name of its field. `hint` is what to do then,
    where fields differ in that; `choices` are the values, where they can be counted up.
    """

    allows: Callable[[Any], bool]
    refusal: str
    hint: str = ""
    choices: tuple[str, ...] = ()

    def __contains__(self, value: object) -> bool:
        return self.allows(value)

    def default(self, value: object, words: str = "") -> Any:
        """A field of a dataclass; a default of None stands beside the values. `words` are help."""
        return field(default=value, metadata={"values": self, "words": words})


def one_of(*choices: str) -> Values:
    """One of these words."""
    return Values(choices.__contains__, f"is one of {', '.join(choices)}", choices=choices)


def yes_or_no() -> Values:
    """True or false."""
    return Values(lambda value: type(value) is bool, "is true or false")


def whole(least: int, most: int, kind: str = "a whole number ", hint: str = "") -> Values:
    """A whole number from `least` to `most`."""
    refusal = f"is {kind}from {least} to {most}"
    return Values(lambda value: is_whole(value, least, most), refusal, hint)


def between(least: float, most: float) -> Values:
    """A number from `least` to `most`; true, false and nan are none."""
    return Values(
        lambda value: type(value) in (int, float) and least <= value <= most,
        f"is a number from {least} to {most}",
    )


def text(pattern: str, refusal: str, hint: str = "") -> Values:
    """Text that the whole pattern matches, in which . is any character."""
    matches = re.compile(pattern, re.DOTALL).fullmatch
    return Values(lambda value: isinstance(value, str) and bool(matches(value)), refusal, hint)


def several(each: Values) -> Values:
    """A list of one of these or more."""
    return Values(
        lambda value: (
            isinstance(value, list | tuple) and bool(value) and all(one in each for one in value)
        ),
        f"is a list of which each {each.refusal}",
    )


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether it is a whole number from `least` to `most`; true and false are none."""
    return type(value) is int and least <= value <= most
