"""What lipsyncctl can do: a function for each verb, which returns the exit code."""

from argparse import Namespace
from collections.abc import Callable

from lipsyncctl.client.instances import holder, taker
from lipsyncctl.client.session import open_client
from lipsyncctl.client.submit import submit
from lipsyncctl.listing import list_jobs
from lipsyncctl.logs import logs
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import description
from lipsyncctl.show.wording import cleaned, size
from lipsyncctl.verbs.daemon import clean_all, drain, health, info, reload, resume
from lipsyncctl.verbs.ending import destination_of, receive
from lipsyncctl.verbs.follow import follow
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.submit import cancel, run
from lipsyncctl.verbs.wait import wait
from lipsyncd.errors import InvalidRequest, LipsyncError


def submit_all(console: Console, arguments: Namespace) -> int:
    """A job for each face; the ids, and nothing else, go to stdout."""
    faces = arguments.faces
    if arguments.key is not None and len(faces) > 1:
        raise InvalidRequest("A key is for one job.", "Submit the faces one by one.")
    for number, face in enumerate(faces):
        try:
            address = taker(arguments.addresses, arguments.key)
            console.say(submit(console, arguments, address, face)["id"])
        except LipsyncError:
            if number:
                verb = "was" if number == 1 else "were"
                console.note(f"{number} of {len(faces)} jobs {verb} accepted.")
            raise
    return 0


def retry(console: Console, arguments: Namespace) -> int:
    """A new job for each that went wrong; their ids, and nothing else, go to stdout."""

    def retry_one(job: str) -> int:
        with open_client(holder(arguments.addresses, job)) as client:
            accepted = client.ask("retry", patience=None, job=job).body
        console.tell(accepted, accepted["job"]["id"])
        return 0

    return worst(console, arguments.jobs, retry_one)


def fetch(console: Console, arguments: Namespace) -> int:
    """Writes the result of a job that has succeeded."""
    destination = destination_of(console, arguments.output)
    address = holder(arguments.addresses, arguments.job)
    written = receive(console, address, arguments.job, destination)
    console.say(f"{destination.name}: {size(written)}")
    return 0


def cancel_all(console: Console, arguments: Namespace) -> int:
    """Returns when all the jobs have ended."""

    def cancel_one(job: str) -> int:
        cancel(console, holder(arguments.addresses, job), job)
        return 0

    return worst(console, arguments.jobs, cancel_one)


def clean(console: Console, arguments: Namespace) -> int:
    """The named jobs go, or all; they must have ended."""

    def clean_one(job: str) -> int:
        with open_client(holder(arguments.addresses, job)) as client:
            gone = client.ask("clean", patience=None, job=job).body
        console.tell(gone, f"{job}: {cleaned(gone)}")
        return 0

    if not arguments.jobs:
        return clean_all(console, arguments)
    return worst(console, arguments.jobs, clean_one)


def status(console: Console, arguments: Namespace) -> int:
    """All about one job."""
    with open_client(holder(arguments.addresses, arguments.job)) as client:
        described = client.ask("status", job=arguments.job).body
    console.tell(described, description(described["job"]))
    return 0


VERBS: dict[str, Callable[[Console, Namespace], int]] = {
    "run": run,
    "submit": submit_all,
    "list": list_jobs,
    "status": status,
    "wait": wait,
    "follow": follow,
    "fetch": fetch,
    "cancel": cancel_all,
    "retry": retry,
    "clean": clean,
    "health": health,
    "info": info,
    "drain": drain,
    "resume": resume,
    "reload": reload,
    "logs": logs,
}
