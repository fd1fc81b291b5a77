"""What jobs there are."""

from argparse import Namespace

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.client.told import Columns, Told
from lipsyncctl.show.console import Console
from lipsyncctl.show.table import FIELDS, all_printable, table_of
from lipsyncctl.show.template import filled
from lipsyncctl.verbs.typed import at_least, moment_before
from lipsyncctl.verbs.verb import argument, either, verb
from lipsyncd.protocol.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEWEST = 50  # jobs that `list` shows

FORMAT = argument(
    "--format",
    metavar="TEXT",
    help="a line like this instead, as '{id} {state} {face}', with the fields of the protocol",
)
TIMES = argument(
    *("-t", "--times"), action="store_true", help="times by the clock, not how long ago that was"
)


@verb(
    either(
        argument(
            "--limit",
            metavar="N",
            type=at_least(1),
            default=NEWEST,
            help=f"how many jobs, the newest ones (default: {NEWEST})",
        ),
        argument("--all", action="store_true", help="every job that the daemon knows"),
    ),
    argument(
        "--state",
        dest="states",
        action="append",
        choices=[*map(str, State)],
        help="only the jobs in this state; several times: in one of these",
    ),
    argument("--label", help="only the jobs with this label"),
    argument("--mine", action="store_true", help="only the user's own, for admins as well"),
    argument(
        "--since",
        metavar="TIME",
        type=moment_before,
        default=0.0,
        help="only what was accepted since then: 90m, 12h or 7d ago, or 2026-11-30T08:00",
    ),
    TIMES,
    either(
        argument(*("-q", "--quiet"), action="store_true", help="their ids alone"),
        FORMAT,
    ),
)
def list_(console: Console, client: Jobs, arguments: Namespace) -> int:
    """The newest jobs, and why none of them is started if that is so."""
    which = {name: getattr(arguments, name) for name in ("label", "mine", "since")}
    # one more tells whether there are more
    which |= {"state": arguments.states, "limit": None if arguments.all else arguments.limit + 1}
    is_whole = console.is_json or arguments.format is not None
    count = (show_whole if is_whole else show)(console, client, arguments, which)
    if arguments.quiet or arguments.format is not None:
        return 0
    if not arguments.all and count > arguments.limit:
        limit = arguments.limit
        are = "This is the newest" if limit == 1 else f"These are the newest {limit}"
        console.notice(f"{are}; `lipsyncctl list --all` shows every job.")
    tell_beside(console, client, arguments)
    return 0


def show(console: Console, client: Jobs, arguments: Namespace, which: Told) -> int:
    """For people, in columns: no more is asked than what they see. The number of jobs found."""
    found = client.columns(("id",) if arguments.quiet else FIELDS, **which)
    jobs: Columns = {name: newest(values, arguments) for name, values in found.items()}
    if not arguments.quiet:
        console.words(table_of(jobs, console.columns(), by_clock=arguments.times))
    elif jobs["id"]:
        console.words("\n".join(all_printable(jobs["id"])))
    return len(found["id"])


def show_whole(console: Console, client: Jobs, arguments: Namespace, which: Told) -> int:
    """For programs, or in lines of the user's own making, with all there is. Their number."""
    found = client.list(**which)
    jobs = newest(found, arguments)
    if arguments.quiet or arguments.format is not None:
        for job in jobs:
            console.answer(job.message, filled(arguments.format or "{id}", job))
    else:
        console.json({"verb": "listed", "jobs": [dict(job) for job in jobs]})
    return len(found)


def newest(found: "list[Any]", arguments: Namespace) -> "list[Any]":
    """As many as are wanted."""
    return found if arguments.all else found[-arguments.limit :]


def tell_beside(console: Console, client: Jobs, arguments: Namespace) -> None:
    """Why no job is started, and where others may be."""
    if paused := client.health().get("paused"):
        console.notice(paused)
    if not arguments.socket:
        for other in client.others():
            console.notice(f"Another daemon has its own: `lipsyncctl --socket {other} list`.")
