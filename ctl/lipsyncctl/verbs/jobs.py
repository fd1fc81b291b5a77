"""What there is: jobs, their stories and their results. Nothing here changes anything."""

import os
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Sequence

from lipsyncctl.client.client import Client
from lipsyncctl.client.job import Job
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import description
from lipsyncctl.show.table import table
from lipsyncctl.show.wording import size
from lipsyncctl.verbs.ending import destination_of
from lipsyncctl.verbs.typed import at_least
from lipsyncctl.verbs.verb import argument, either, verb
from lipsyncd.errors import EventsGone, InvalidRequest

NEWEST = 50  # jobs that `list` shows
ELSEWHERE = "Look where `lipsyncd` was started"

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
)
def list_(console: Console, client: Client, arguments: Namespace) -> int:
    """The newest jobs, and why none of them is started if that is so."""
    limit = None if arguments.all else arguments.limit
    # one more tells whether there are more
    show(console, client.list(None if limit is None else limit + 1), limit)
    if paused := client.health().get("paused"):
        console.notice(paused)
    return 0


@verb("all about one job", JOB)
def status(console: Console, client: Client, arguments: Namespace) -> int:
    """In lines."""
    job = client.status(arguments.job)
    console.answer(job.message, description(job))
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


@verb("what the journal tells of one job", JOB)
def logs(_console: Console, _client: Client, arguments: Namespace) -> int:
    """Becomes journalctl; InvalidRequest if there is none, EventsGone if it knows nothing."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        raise InvalidRequest("There is no journal on this machine.", f"{ELSEWHERE}.")
    field = f"LIPSYNCD_JOB_ID={arguments.job}"
    if is_silent(journalctl, field):
        who = "" if os.geteuid() == 0 else ", or ask as root"
        raise EventsGone(
            f"The journal has nothing about job {arguments.job}.", f"{ELSEWHERE}{who}."
        )
    form = "json" if arguments.json else "short"
    words = ["--no-hostname", f"--output={form}", field]
    os.execv(journalctl, ["journalctl", *words])


def show(console: Console, jobs: Sequence[Job], limit: int | None) -> None:
    """The newest of them, and whether there are more."""
    newest = jobs if limit is None else jobs[-limit:]
    message = {"verb": "listed", "jobs": [dict(job) for job in newest]}
    console.answer(message, table(newest, console.columns()))
    if len(newest) < len(jobs):
        are = "This is the newest" if limit == 1 else f"These are the newest {limit}"
        console.notice(f"{are}; `lipsyncctl list --all` shows every job.")


def is_silent(journalctl: str, field: str) -> bool:
    """Whether the journal shows us no entry with this field; it would end as if it had some."""
    words = [journalctl, "--quiet", "--lines=1", "--output=cat", field]
    tried = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return not tried.stdout and not tried.stderr
