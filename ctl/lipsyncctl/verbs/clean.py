"""Ended jobs go: which ones is said, what would go is shown, and on a terminal asked."""

import time
from argparse import Namespace

from lipsyncctl.client.job import Job
from lipsyncctl.client.jobs import Jobs
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import is_other
from lipsyncctl.show.table import table
from lipsyncctl.show.wording import cleaned, going
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.typed import seconds_of
from lipsyncctl.verbs.verb import argument, verb
from lipsyncd.errors import InvalidRequest, JobNotEnded
from lipsyncd.protocol.state import PHRASES, State

KEPT = 1


@verb(
    argument("jobs", metavar="ID", nargs="*"),
    argument("--fetched", action="store_true", help="those whose result was fetched"),
    argument("--failed", action="store_true", help="those that ended without a result"),
    argument("--all", action="store_true", help="all that have ended"),
    argument(
        "--older",
        metavar="TIME",
        type=seconds_of,
        help="of these, or of all, those that ended so long ago, as 90m, 12h or 7d",
    ),
    argument(*("-n", "--dry-run"), action="store_true", help="show what would go, and leave it"),
    argument(*("-y", "--yes"), action="store_true", help="do not ask, on a terminal either"),
)
def clean(console: Console, client: Jobs, arguments: Namespace) -> int:
    """Of the user's own jobs those that are meant, or the named ones."""
    is_chosen = arguments.fetched or arguments.failed or arguments.all or arguments.older
    if bool(arguments.jobs) == bool(is_chosen):
        raise InvalidRequest(
            "clean takes ids, or says which jobs it means.",
            "Add --fetched, --failed, --older 7d or --all, with --dry-run only to look.",
        )
    jobs, code = (
        named(console, client, arguments) if arguments.jobs else (meant(client, arguments), 0)
    )
    is_shown = arguments.dry_run or console.can_ask
    if jobs and is_shown:
        console.answer(
            {"verb": "listed", "jobs": [dict(job) for job in jobs]}, table(jobs, console.columns())
        )
    console.notice(going(jobs))
    if not jobs or arguments.dry_run:
        return code
    if not arguments.yes and not console.confirms("Remove them?"):
        console.notice("Nothing was removed.")
        return KEPT
    gone = client.clean([job.id for job in jobs])
    console.answer(gone, cleaned(gone))
    return code


def named(console: Console, client: Jobs, arguments: Namespace) -> tuple[list[Job], int]:
    """The jobs with these ids that have ended, and the exit code for the others."""
    found: list[Job] = []

    def look(name: str) -> int:
        job = client.status(name)
        if not job.is_ended:
            words = f"Job {job.id} {PHRASES[State(job.state)]}."
            raise JobNotEnded(words, "Cancel it, or wait for it.")
        if job.id not in {each.id for each in found}:
            found.append(job)
        return 0

    return found, worst(console, arguments.jobs, look)


def meant(client: Jobs, arguments: Namespace) -> list[Job]:
    """The user's own jobs that have ended and are of one of the kinds that were typed."""
    before = time.time() - (arguments.older or 0)
    is_all = arguments.all or not (arguments.fetched or arguments.failed)

    def is_meant(job: Job) -> bool:
        has_result = job.state == "succeeded"
        is_one = (arguments.fetched and has_result and job.get("fetched_at")) or (
            arguments.failed and not has_result
        )
        return bool(is_all or is_one)

    mine = (job for job in client.list() if job.is_ended and not is_other(job.owner))
    return [job for job in mine if job["ended_at"] <= before and is_meant(job)]
