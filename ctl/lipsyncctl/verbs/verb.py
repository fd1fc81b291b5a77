"""A verb, in one place: what it does in words, what may be typed after it, and its handler.

    @verb("take jobs again (for admins)", argument("--reason", help="why"))
    def resume(console: Console, client: Client, arguments: Namespace) -> int:
        ...                      # answers on the console; returns the exit code

The command line, its help and the table of verbs come from these.
"""

from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lipsyncctl.client.client import Client
from lipsyncctl.show.console import Console

Handler = Callable[[Console, Client, Namespace], int]
Argument = Callable[[ArgumentParser | _ArgumentGroup], object]  # adds itself


@dataclass(frozen=True)
class Verb:
    """It is called like its handler."""

    name: str
    text: str
    arguments: tuple[Argument, ...]
    handler: Handler

    def __call__(self, console: Console, client: Client, arguments: Namespace) -> int:
        return self.handler(console, client, arguments)


def verb(text: str, *arguments: Argument) -> Callable[[Handler], Verb]:
    """Makes a verb of its handler, whose name it has, without the _ that keeps Python's free."""
    return lambda handler: Verb(handler.__name__.rstrip("_"), text, arguments, handler)


def argument(*names: str, **how: Any) -> Argument:
    """What `add_argument` of argparse takes."""
    return lambda parser: parser.add_argument(*names, **how)


def group(title: str, *arguments: Argument, text: str | None = None) -> Argument:
    """Arguments under a title of their own in the help."""

    def add(parser: ArgumentParser | _ArgumentGroup) -> None:
        titled = parser.add_argument_group(title, text)
        for each in arguments:
            each(titled)

    return add


def either(*arguments: Argument) -> Argument:
    """One of these at most."""

    def add(parser: ArgumentParser | _ArgumentGroup) -> None:
        exclusive = parser.add_mutually_exclusive_group()
        for each in arguments:
            each(exclusive)

    return add
