"""What keeps the daemon in order."""

from argparse import Namespace

from lipsyncctl.client.client import Client
from lipsyncctl.show.catalogue import catalogue
from lipsyncctl.show.console import Console
from lipsyncctl.show.daemon import parts
from lipsyncctl.show.wording import drained, resumed
from lipsyncctl.verbs.verb import argument, verb


@verb("what the daemon is made of")
def info(console: Console, client: Client, _arguments: Namespace) -> int:
    """Its parts, in lines."""
    answer = client.info()
    console.answer(answer, parts(answer, console.columns()))
    return 0


@verb("which weights lie beside the checkpoint, what they are, whether they run")
def models(console: Console, client: Client, _arguments: Namespace) -> int:
    """Each file in a row."""
    answer = client.models()
    console.answer(answer, catalogue(answer["models"]) or f"no weights in {answer['folder']}")
    return 0


@verb(
    "take no more jobs and start none, until `resume` (for admins)",
    argument("--reason", metavar="TEXT", help="why, for those who wait; in a few words"),
)
def drain(console: Console, client: Client, arguments: Namespace) -> int:
    """Nothing more is taken or started, until `resume`."""
    answer = client.drain(arguments.reason)
    console.answer(answer, drained(answer))
    return 0


@verb("take and start jobs again (for admins)")
def resume(console: Console, client: Client, _arguments: Namespace) -> int:
    """Ends a drain."""
    answer = client.resume()
    console.answer(answer, resumed(answer))
    return 0


@verb("have the daemon read its configuration again (for root)")
def reload(console: Console, client: Client, _arguments: Namespace) -> int:
    """Returns when the configuration is in force, or has been refused."""
    answer = client.reload()
    console.answer(answer, answer["detail"])
    return 0
