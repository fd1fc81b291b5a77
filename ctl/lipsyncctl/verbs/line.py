"""The line: jobs that wait are held, let go, or moved among those of the same user."""

from argparse import Namespace

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import place
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.verb import argument, either, verb

IDS = argument("jobs", metavar="ID", nargs="+")


@verb(IDS)
def hold(console: Console, client: Jobs, arguments: Namespace) -> int:
    """They keep their deadlines."""

    def hold_one(job: str) -> int:
        held = client.hold(job)
        console.json(held.message)
        console.notice(f"job {held.id} is held until `lipsyncctl release {held.id}`.")
        return 0

    return worst(console, arguments.jobs, hold_one)


@verb(IDS)
def release(console: Console, client: Jobs, arguments: Namespace) -> int:
    """At the end of the line."""

    def release_one(job: str) -> int:
        released = client.release(job)
        console.json(released.message)
        console.notice(f"job {released.id} waits again: {place(released)}.")
        return 0

    return worst(console, arguments.jobs, release_one)


@verb(
    argument("job", metavar="ID"),
    either(
        argument("--first", dest="to", action="store_const", const="first", help="the default"),
        argument("--last", dest="to", action="store_const", const="last"),
        argument("--before", metavar="OTHER", help="right before this one, which waits as well"),
    ),
)
def move(console: Console, client: Jobs, arguments: Namespace) -> int:
    """Among those of the same user with the same priority."""
    moved = client.move(arguments.job, arguments.to or "first", before=arguments.before)
    console.json(moved.message)
    console.notice(f"job {moved.id} is moved: {place(moved)}.")
    return 0
