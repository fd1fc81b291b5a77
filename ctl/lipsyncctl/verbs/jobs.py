"""What jobs there are."""

from argparse import Namespace

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.show.console import Console
from lipsyncctl.show.table import table
from lipsyncctl.show.template import filled
from lipsyncctl.verbs.typed import at_least, moment_before
from lipsyncctl.verbs.verb import argument, either, verb
from lipsyncd.protocol.state import State

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
    limit = None if arguments.all else arguments.limit
    template = "{id}" if arguments.quiet else arguments.format
    # one more tells whether there are more
    sought = None if limit is None else limit + 1
    which = {name: getattr(arguments, name) for name in ("label", "mine", "since")}
    jobs = client.list(sought, arguments.states, **which)
    shown = jobs if limit is None else jobs[-limit:]
    if template is not None:
        for job in shown:
            console.answer(job.message, filled(template, job))
        return 0
    message = {"verb": "listed", "jobs": [dict(job) for job in shown]}
    console.answer(message, table(shown, console.columns(), by_clock=arguments.times))
    if len(shown) < len(jobs):
        are = "This is the newest" if limit == 1 else f"These are the newest {limit}"
        console.notice(f"{are}; `lipsyncctl list --all` shows every job.")
    tell_beside(console, client, arguments)
    return 0


def tell_beside(console: Console, client: Jobs, arguments: Namespace) -> None:
    """Why no job is started, and where others may be."""
    if paused := client.health().get("paused"):
        console.notice(paused)
    if not arguments.socket:
        for other in client.others():
            console.notice(f"Another daemon has its own: `lipsyncctl --socket {other} list`.")
