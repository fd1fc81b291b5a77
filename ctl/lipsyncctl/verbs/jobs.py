"""What there is: jobs, their stories and their results. Nothing here changes anything."""

from argparse import Namespace
from collections.abc import Sequence

from lipsyncctl.client.client import Client
from lipsyncctl.client.job import Job
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import description, story
from lipsyncctl.show.table import table
from lipsyncctl.show.wording import size
from lipsyncctl.verbs.ending import destination_of
from lipsyncctl.verbs.typed import at_least
from lipsyncctl.verbs.verb import argument, either, verb
from lipsyncd.protocol.job import State

NEWEST = 50  # jobs that `list` shows

JOB = argument("job", metavar="ID")


@verb(
    "the jobs, the newest last: the user's own, for admins all",
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
    argument("--state", choices=[*map(str, State)], help="only the jobs in this state"),
    argument("--label", help="only the jobs with this label"),
    argument(*("-q", "--quiet"), action="store_true", help="their ids alone"),
)
def list_(console: Console, client: Client, arguments: Namespace) -> int:
    """The newest jobs, and why none of them is started if that is so."""
    limit = None if arguments.all else arguments.limit
    which = arguments.state, arguments.label
    if arguments.quiet:
        for job in client.list(limit, *which):
            console.answer(job.message, job.id)
        return 0
    # one more tells whether there are more
    show(console, client.list(None if limit is None else limit + 1, *which), limit)
    if paused := client.health().get("paused"):
        console.notice(paused)
    if not arguments.socket:
        for other in client.others():
            console.notice(f"Another daemon has its own: `lipsyncctl --socket {other} list`.")
    return 0


@verb("all about one job", JOB)
def status(console: Console, client: Client, arguments: Namespace) -> int:
    """In lines."""
    job = client.status(arguments.job)
    console.answer(job.message, description(job, console.columns()))
    return 0


@verb(
    "write the result of a job that has succeeded",
    JOB,
    argument(
        *("-o", "--output"),
        metavar="OUT",
        required=True,
        help="where the result is written, - for stdout",
    ),
)
def fetch(console: Console, client: Client, arguments: Namespace) -> int:
    """Says how much was written."""
    destination = destination_of(client, arguments.output)
    fetched = client.fetch(arguments.job, destination)
    words = f"{destination.name}: {size(fetched.message['size'])}"
    console.answer(fetched.message | {"path": destination.path}, words)
    return 0


@verb("what became of one job so far, from its acceptance on", JOB)
def logs(console: Console, client: Client, arguments: Namespace) -> int:
    """Each change of its state in a line, then what was decided for its owner."""
    job = client.recount(arguments.job)
    console.answer(job.message, story(job, job.message["changes"]))
    return 0


def show(console: Console, jobs: Sequence[Job], limit: int | None) -> None:
    """The newest of them, and whether there are more."""
    newest = jobs if limit is None else jobs[-limit:]
    message = {"verb": "listed", "jobs": [dict(job) for job in newest]}
    console.answer(message, table(newest, console.columns()))
    if len(newest) < len(jobs):
        are = "This is the newest" if limit == 1 else f"These are the newest {limit}"
        console.notice(f"{are}; `lipsyncctl list --all` shows every job.")
