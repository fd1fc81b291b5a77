"""One job: how it is, and how it came to that."""

from argparse import Namespace

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.show.console import Console
from lipsyncctl.show.description import description
from lipsyncctl.show.job import story
from lipsyncctl.show.template import filled
from lipsyncctl.verbs.jobs import FORMAT, TIMES
from lipsyncctl.verbs.verb import argument, verb

JOB = argument("job", metavar="ID")


@verb(JOB, TIMES, FORMAT)
def status(console: Console, client: Jobs, arguments: Namespace) -> int:
    """In lines."""
    job = client.status(arguments.job)
    if arguments.format is not None:
        words = filled(arguments.format, job)
    else:
        words = description(job, console.columns(), by_clock=arguments.times)
    console.answer(job.message, words)
    return 0


@verb(JOB)
def logs(console: Console, client: Jobs, arguments: Namespace) -> int:
    """Each change of its state and of its place in a line, then what was decided for its owner."""
    job = client.recount(arguments.job)
    deeds = job.message.get("deeds", ())  # of which older daemons tell nothing
    console.answer(job.message, story(job, job.message["changes"], deeds))
    return 0
