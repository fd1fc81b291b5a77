"""A verb, in one place: what may be typed after it, and its handler.

    @verb(argument("--reason", help="why"))
    def resume(console: Console, client: "Daemon", arguments: Namespace) -> int:
        ...                      # answers on the console; returns the exit code

It is given a client of the class that it asks for. The command line, its help and the manual come
from these.
"""

from argparse import ArgumentParser, Namespace, _ArgumentGroup
from collections.abc import Callable

TYPE_CHECKING = False  # the help of all verbs asks no daemon
if TYPE_CHECKING:
    from lipsyncctl.client.daemon import Daemon

DASH = "-"  # stands for stdin or stdout where a file is named
INTERRUPTED = 130  # exit code after Ctrl-C

Handler = Callable[..., int]
Argument = Callable[[ArgumentParser | _ArgumentGroup], object]  # adds itself


class Verb:
    """It is called like its handler."""

    def __init__(self, handler: Handler, arguments: tuple[Argument, ...]) -> None:
        self.name = handler.__name__.rstrip("_")
        self.arguments = arguments
        self.client: type[Daemon] = handler.__annotations__["client"]
        self._handler = handler

    def __call__(self, console: object, client: "Daemon", arguments: Namespace) -> int:
        return self._handler(console, client, arguments)


def verb(*arguments: Argument) -> Callable[[Handler], Verb]:
    """Makes a verb of its handler, whose name it has, without the _ that keeps Python's free."""
    return lambda handler: Verb(handler, arguments)


def argument(*names: str, **how: object) -> Argument:
    """What `add_argument` of argparse takes."""
    return lambda parser: parser.add_argument(*names, **how)  # type: ignore[arg-type]


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
