"""What keeps the daemon in order."""

from argparse import Namespace

from lipsyncctl.client.daemon import Daemon
from lipsyncctl.show.catalogue import catalogue
from lipsyncctl.show.console import Console
from lipsyncctl.show.parts import parts
from lipsyncctl.show.wording import drained, resumed
from lipsyncctl.verbs.verb import argument, verb


@verb()
def info(console: Console, client: Daemon, _arguments: Namespace) -> int:
    """Its parts, in lines."""
    answer = client.info()
    console.answer(answer, parts(answer, console.columns()))
    return 0


@verb()
def models(console: Console, client: Daemon, _arguments: Namespace) -> int:
    """Each file in a row."""
    answer = client.models()
    console.answer(answer, catalogue(answer["models"]) or f"no weights in {answer['folder']}")
    return 0


@verb(
    argument("--reason", metavar="TEXT", help="why, for those who wait; in a few words"),
)
def drain(console: Console, client: Daemon, arguments: Namespace) -> int:
    """Nothing more is taken or started, until `resume`."""
    answer = client.drain(arguments.reason)
    console.answer(answer, drained(answer))
    return 0


@verb()
def resume(console: Console, client: Daemon, _arguments: Namespace) -> int:
    """Ends a drain."""
    answer = client.resume()
    console.answer(answer, resumed(answer))
    return 0


@verb()
def reload(console: Console, client: Daemon, _arguments: Namespace) -> int:
    """Returns when the configuration is in force, or has been refused."""
    answer = client.reload()
    console.answer(answer, answer["detail"])
    return 0
