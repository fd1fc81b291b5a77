"""Whether the daemon is well: ready to render, or whatever else its watchers want to know."""

from argparse import Namespace
from collections.abc import Callable

from lipsyncctl.client.daemon import Daemon
from lipsyncctl.client.deadline import Deadline, TimeIsUp
from lipsyncctl.client.told import Told
from lipsyncctl.show.console import Console
from lipsyncctl.show.daemon import condition
from lipsyncctl.verbs.typed import seconds_of
from lipsyncctl.verbs.verb import argument, either, verb
from lipsyncd.errors import ServerUnreachable

NOT_WELL, NO_ANSWER = 1, 2
PAUSE = 0.2  # seconds between two questions
BEGINNING = {"starting", "warming"}  # states of a daemon that has not been ready yet


@verb(
    either(
        argument("--ready", action="store_true", help="0 if a job would be rendered (the default)"),
        argument("--live", action="store_true", help="0 if it answers, whatever it is doing"),
        argument("--started", action="store_true", help="0 once it has been ready in this life"),
        argument(
            "--wait-ready",
            metavar="TIME",
            type=seconds_of,
            help="0 as soon as it is ready, within this time, as 90, 90s, 15m, 2h or 1d; "
            "else 1 or 2 when it is up",
        ),
    ),
)
def health(console: Console, client: Daemon, arguments: Namespace) -> int:
    """How it is, in words and as an exit code."""
    is_well = is_live if arguments.live else has_started if arguments.started else is_ready
    try:
        report = asked(client, is_well, Deadline(arguments.wait_ready or 0))
    except ServerUnreachable as error:
        console.error(error)
        return NO_ANSWER
    console.answer(report, condition(report))
    return 0 if is_well(report) else NOT_WELL


def asked(client: Daemon, is_well: Callable[[Told], bool], deadline: Deadline) -> Told:
    """How it is: at once if it is well, else when the time is up."""
    while True:
        try:
            report = client.health()
            if is_well(report) or deadline.left == 0:
                return report
        except ServerUnreachable:
            if deadline.left == 0:
                raise
        try:
            deadline.sleep(PAUSE)
        except TimeIsUp:
            continue  # to ask for the last time


def is_ready(report: Told) -> bool:
    """Whether a job would be rendered now."""
    return bool(report["ready"] and not report.get("paused"))


def is_live(_report: Told) -> bool:
    """It has answered."""
    return True


def has_started(report: Told) -> bool:
    """Whether its models have been loaded."""
    return report["state"] not in BEGINNING
