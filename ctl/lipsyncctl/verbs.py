"""What lipsyncctl can do: a function for each verb, which returns the exit code."""

from argparse import Namespace
from collections.abc import Callable, Iterable

from lipsyncctl.client import open_client
from lipsyncctl.console import Console
from lipsyncctl.daemons import health, info, list_jobs, reload
from lipsyncctl.delivery import deliver, receive
from lipsyncctl.instances import holder, least_busy
from lipsyncctl.logs import logs
from lipsyncctl.result import Destination
from lipsyncctl.run import INTERRUPTED, cancel, run
from lipsyncctl.submission import submit
from lipsyncctl.wording import description
from lipsyncd.errors import InvalidRequest, LipsyncError, ServerUnreachable


def submit_all(console: Console, arguments: Namespace) -> int:
    """A job for each face; the ids, and nothing else, go to stdout."""
    for face in arguments.faces:
        address = least_busy(arguments.addresses)
        console.say(submit(console, arguments, address, face)["id"])
    return 0


def wait(console: Console, arguments: Namespace) -> int:
    """Returns when all the jobs have ended."""
    if arguments.output and len(arguments.jobs) > 1:
        raise InvalidRequest("-o is for the result of one job.", "Fetch the others one by one.")
    destination = Destination.of(arguments.output) if arguments.output else None

    def wait_for(job: str) -> int:
        return deliver(console, holder(arguments.addresses, job), job, destination)

    try:
        return worst(console, arguments.jobs, wait_for)
    except KeyboardInterrupt:
        console.note("What has not ended goes on; `lipsyncctl cancel` would stop it.")
        return INTERRUPTED


def fetch(console: Console, arguments: Namespace) -> int:
    """Writes the result of a job that has succeeded."""
    destination = Destination.of(arguments.output)
    address = holder(arguments.addresses, arguments.job)
    size = receive(console, address, arguments.job, destination)
    console.say(f"{destination.name}: {size} bytes")
    return 0


def cancel_all(console: Console, arguments: Namespace) -> int:
    """Returns when all the jobs have ended."""

    def cancel_one(job: str) -> int:
        cancel(console, holder(arguments.addresses, job), job)
        return 0

    return worst(console, arguments.jobs, cancel_one)


def status(console: Console, arguments: Namespace) -> int:
    """All about one job."""
    with open_client(holder(arguments.addresses, arguments.job)) as client:
        described = client.ask("status", job=arguments.job).body
    console.tell(described, description(described["job"]))
    return 0


def worst(console: Console, jobs: Iterable[str], act: Callable[[str], int]) -> int:
    """Acts on every job, also after an error; the first exit code that is not 0."""
    codes = []
    for job in jobs:
        try:
            codes.append(act(job))
        except ServerUnreachable:
            raise
        except LipsyncError as error:
            console.complain(error)
            codes.append(error.code)
    return next((code for code in codes if code), 0)


VERBS: dict[str, Callable[[Console, Namespace], int]] = {
    "run": run,
    "submit": submit_all,
    "list": list_jobs,
    "status": status,
    "wait": wait,
    "fetch": fetch,
    "cancel": cancel_all,
    "health": health,
    "info": info,
    "reload": reload,
    "logs": logs,
}
