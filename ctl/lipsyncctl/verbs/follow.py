"""Each change of a job's state, in a line of its own, as it happens."""

from argparse import Namespace

from lipsyncctl.client.client import Client
from lipsyncctl.client.event import Event
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import event_line
from lipsyncctl.verbs.ending import exit_code, resume_hint
from lipsyncctl.verbs.typed import at_least
from lipsyncctl.verbs.verb import argument, verb
from lipsyncd.errors import EventsGone


class Story:
    """A line for each change; a job that is queued after it was shown is back."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.shown: set[str] = set()  # jobs that have not ended

    def show(self, event: Event) -> None:
        """How a job is now, or has become."""
        job = event.job
        is_back = job.id in self.shown or (not event.is_change and job["attempts"] > 0)
        self.console.answer(job.message, event_line(job.message, is_back))
        (self.shown.discard if job.is_ended else self.shown.add)(job.id)


@verb(
    argument(
        "jobs",
        metavar="ID",
        nargs="*",
        help="ends when these have; without any, all jobs are followed until Ctrl-C",
    ),
    argument(
        "--since",
        metavar="N",
        type=at_least(0),
        help="begin after the change with this number, the first one in each line",
    ),
)
def follow(console: Console, client: Client, arguments: Namespace) -> int:
    """Of the named jobs until they have ended, else of all until Ctrl-C."""
    try:
        if arguments.jobs:
            return follow_jobs(console, client, arguments)
        return follow_all(console, client, arguments)
    except EventsGone as error:
        hint = "`lipsyncctl list` shows what became of the jobs; without --since it begins now."
        raise EventsGone(error.message, hint) from error


def follow_all(console: Console, client: Client, arguments: Namespace) -> int:
    """Never ends by itself."""
    story = Story(console)
    for event in client.follow(arguments.since):
        story.show(event)
    return 0


def follow_jobs(console: Console, client: Client, arguments: Namespace) -> int:
    """Returns when all have ended; the first of their exit codes that is not 0."""
    story = Story(console)
    last: dict[str, Job] = {}
    try:
        for event in client.follow(arguments.since, arguments.jobs):
            story.show(event)
            last[event.job.id] = event.job
    except AWAY as error:
        raise given_up(error, resume_hint(arguments, arguments.jobs)) from error
    ended = (last[job] for typed in arguments.jobs for job in last if job.startswith(typed))
    return next((code for code in map(exit_code, ended) if code), 0)
