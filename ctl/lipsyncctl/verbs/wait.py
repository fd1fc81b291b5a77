"""Until jobs have ended, by themselves or because they are told to, and their results."""

from argparse import Namespace

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import Deadline, TimeIsUp
from lipsyncctl.client.fetch import Place
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import ending
from lipsyncctl.show.wording import size
from lipsyncctl.verbs.ending import (
    deliver,
    destination_of,
    exit_code,
    receive,
    resume_hint,
)
from lipsyncctl.verbs.finish import ON_FINISH, finish
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.typed import seconds_of
from lipsyncctl.verbs.verb import INTERRUPTED, argument, either, verb
from lipsyncd.errors import InvalidRequest

TIMED_OUT = 124  # as timeout(1) has it


@verb(
    argument(
        "jobs",
        metavar="ID",
        nargs="*",
        help="without any the job that you have handed in last",
    ),
    argument(
        *("-o", "--output"),
        metavar="OUT",
        help="where the result is written, - for stdout "
        "(of a single job, or with --any of the first that ends)",
    ),
    either(
        argument("--all", action="store_true", help="until all jobs have ended (the default)"),
        argument("--any", action="store_true", help="until one has ended, and print its id"),
    ),
    argument(
        "--timeout",
        metavar="TIME",
        type=seconds_of,
        help="give up after this time, as 90, 90s, 15m, 2h or 1d, with exit code 124; "
        "the jobs go on",
    ),
    ON_FINISH,
)
def wait(console: Console, client: Client, arguments: Namespace) -> int:
    """How they ended as an exit code; whoever stops waiting leaves the jobs as they are."""
    output, deadline = arguments.output, Deadline(arguments.timeout)
    jobs = arguments.jobs or [client.last().id]
    if output is not None and len(jobs) > 1 and not arguments.any:
        raise InvalidRequest("-o is for the result of one job.", "Fetch the others one by one.")
    destination = None if output is None else destination_of(client, output)
    try:
        if arguments.any:
            return wait_for_any(
                console, client, jobs, destination, deadline, on_finish=arguments.on_finish
            )

        def wait_for(job: str) -> int:
            return deliver(
                console, client, job, destination, deadline, on_finish=arguments.on_finish
            )

        return worst(console, jobs, wait_for)
    except AWAY as error:
        raise given_up(error, resume_hint(arguments, jobs)) from error
    except TimeIsUp:
        console.json({"verb": "timeout", "seconds": arguments.timeout, "jobs": jobs})
        console.notice("The time is up; what has not ended goes on.")
        return TIMED_OUT
    except KeyboardInterrupt:
        console.notice("What has not ended goes on; `lipsyncctl cancel` would stop it.")
        return INTERRUPTED


@verb(
    argument("job", metavar="ID"),
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


@verb(argument("jobs", metavar="ID", nargs="+"))
def cancel(console: Console, client: Client, arguments: Namespace) -> int:
    """Returns when all the jobs have ended."""

    def cancel_one(job: str) -> int:
        cancel_shown(console, client, job)
        return 0

    return worst(console, arguments.jobs, cancel_one)


def wait_for_any(
    console: Console,
    client: Client,
    jobs: list[str],
    destination: Place | None,
    deadline: Deadline,
    *,
    on_finish: str | None,
) -> int:
    """Returns when the first of the jobs has ended, and says which one that is."""
    first = client.wait_any(jobs, deadline.left)
    console.answer({"verb": "finished", "job": dict(first)}, first.id)
    if first.state != "succeeded":
        console.notice(ending(first))
    elif destination:
        receive(console, client, first.id, destination, deadline)
    finish(console, on_finish, first, destination)
    return exit_code(first)


def cancel_shown(console: Console, client: Client, job: str) -> None:
    """Returns when the job has ended; JobEnded if it had ended before."""
    console.json(client.cancel(job).message)
    console.notice(f"job {job} is cancelled.")
