"""What keeps the daemon in order; where there are several, each of them."""

from argparse import Namespace
from typing import Any

from lipsyncctl.client.client import Client
from lipsyncctl.show.console import Console
from lipsyncctl.show.wording import cleaned, columns, condition, drained, resumed
from lipsyncctl.verbs.several import Answer, ask_each, code, worst
from lipsyncctl.verbs.verb import argument, verb
from lipsyncd.errors import LipsyncError, ServerUnreachable

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
    return max(map(code, ask_each(console, client, Client.clean, cleaned)))


@verb("whether the daemon is ready")
def health(console: Console, client: Client, _arguments: Namespace) -> int:
    """Whether the daemon would render now; with several, whether all would."""
    return max(map(severity, ask_each(console, client, Client.health, condition)))


@verb("what the daemon is made of")
def info(console: Console, client: Client, _arguments: Namespace) -> int:
    """Its parts, in lines."""
    return max(map(code, ask_each(console, client, Client.info, parts)))


@verb(
    "take no more jobs and start none, until `resume` (for admins)",
    argument("--reason", metavar="TEXT", help="why, for those who wait; in a few words"),
)
def drain(console: Console, client: Client, arguments: Namespace) -> int:
    """Nothing more is taken or started, until `resume`."""
    reason = arguments.reason
    return max(map(code, ask_each(console, client, lambda each: each.drain(reason), drained)))


@verb("take and start jobs again (for admins)")
def resume(console: Console, client: Client, _arguments: Namespace) -> int:
    """Ends a drain."""
    return max(map(code, ask_each(console, client, Client.resume, resumed)))


@verb("have the daemon read its configuration again (for root)")
def reload(console: Console, client: Client, _arguments: Namespace) -> int:
    """Returns when the configuration is in force, or has been refused."""
    return max(map(code, ask_each(console, client, Client.reload, lambda it: str(it["detail"]))))


def parts(informed: dict[str, Any]) -> str:
    """What the daemon is made of, in lines."""
    hidden = {"verb", "id", "devices"}
    devices = {
        f"device {number}": "{device}, {state}, jobs: {jobs}".format_map(each)
        for number, each in enumerate(informed.get("devices", ()), start=1)
    }
    own = {name: value for name, value in informed.items() if name not in hidden}
    cage = {"cage": held_in(informed["cage"])} if "cage" in informed else {}
    return columns(own | cage | (devices if len(devices) > 1 else {}))


def held_in(cage: dict[str, Any]) -> str:
    """What of the cage is in force, and what is not."""
    return ", ".join(name if in_force else f"no {name}" for name, in_force in cage.items())


def severity(answer: Answer) -> int:
    """The exit code of `health`."""
    if isinstance(answer, ServerUnreachable):
        return NO_ANSWER
    if isinstance(answer, LipsyncError):
        return answer.code
    return 0 if answer["ready"] and not answer.get("paused") else NOT_READY
