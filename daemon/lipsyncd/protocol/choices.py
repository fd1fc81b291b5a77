"""Choices: what the fields of a request's maps are called, and how a wrong one is refused."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lipsyncd.errors import InvalidRequest


def name_of(field: str) -> str:
    """What a field is called outside of Python, which has a word `from` of its own."""
    return field.removesuffix("_")


def field_of(name: str) -> str:
    """What a name outside of Python is called in it."""
    return "from_" if name == "from" else name


def known(kind: type[Any], given: object, what: str) -> Mapping[str, Any]:
    """A map from a request, if it has only fields of a dataclass.  Raises InvalidRequest."""
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"{what} is not a map.", "Leave it empty for the defaults.")
    names = [name_of(field.name) for field in fields(kind)]
    for name in given:
        if name not in names:
            raise refused(f"{what} may hold {', '.join(names)}, not {name!r}")
    return given


def check(chosen: Any) -> None:
    """Raise InvalidRequest, unless each field of a dataclass has one of its values or is left to
    the daemon."""
    for each in fields(chosen):
        value, values = getattr(chosen, each.name), each.metadata["values"]
        if value not in values and (value is not None or each.default is not None):
            raise refused(f"{name_of(each.name)} {values.refusal}")


def refused(sentence: str, hint: str = "Correct the option.") -> InvalidRequest:
    """The error that says so."""
    return InvalidRequest(f"The request cannot be taken: {sentence}.", hint)
