"""What keeps the daemon in order."""

from argparse import Namespace
from typing import Any

from lipsyncctl.client.client import Client
from lipsyncctl.show.catalogue import catalogue
from lipsyncctl.show.console import Console
from lipsyncctl.show.wording import cleaned, columns, condition, drained, numbered, resumed
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.verb import argument, verb
from lipsyncd.errors import ServerUnreachable

NOT_READY = 1
NO_ANSWER = 2


@verb(
    "remove jobs that have ended, with their results",
    argument(
        "jobs",
        metavar="ID",
        nargs="*",
        help="without any, all of the user's own jobs that have ended",
    ),
)
def clean(console: Console, client: Client, arguments: Namespace) -> int:
    """The named jobs go, or all; they must have ended."""

    def clean_one(job: str) -> int:
        gone = client.clean(job)
        console.answer(gone, f"{job}: {cleaned(gone)}")
        return 0

    if arguments.jobs:
        return worst(console, arguments.jobs, clean_one)
    gone = client.clean()
    console.answer(gone, cleaned(gone))
    return 0


@verb("whether the daemon is ready")
def health(console: Console, client: Client, _arguments: Namespace) -> int:
    """Whether the daemon would render now, as an exit code as well."""
    try:
        report = client.health()
    except ServerUnreachable as error:
        console.error(error)
        return NO_ANSWER
    console.answer(report, condition(report))
    return 0 if report["ready"] and not report.get("paused") else NOT_READY


@verb("what the daemon is made of")
def info(console: Console, client: Client, _arguments: Namespace) -> int:
    """Its parts, in lines."""
    answer = client.info()
    console.answer(answer, parts(answer))
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


def parts(informed: dict[str, Any]) -> str:
    """What the daemon is made of, in lines."""
    hidden = {"verb", "id", "devices"}
    devices = numbered(informed.get("devices", ()))
    own = {name: value for name, value in informed.items() if name not in hidden}
    cage = {"cage": held_in(informed["cage"])} if "cage" in informed else {}
    return columns(own | cage | (devices if len(devices) > 1 else {}))


def held_in(cage: dict[str, Any]) -> str:
    """What of the cage is in force, and what is not."""
    return ", ".join(name if in_force else f"no {name}" for name, in_force in cage.items())
