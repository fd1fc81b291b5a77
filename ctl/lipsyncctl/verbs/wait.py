"""`wait`: until all the jobs have ended, or the first of them, or the time is up."""

from argparse import Namespace
from collections.abc import Iterator

from lipsyncctl.client.deadline import TimeIsUp, time_limit
from lipsyncctl.client.fetch import Destination
from lipsyncctl.client.follow import Change, Found, changes_of, find, is_end
from lipsyncctl.client.instances import holder
from lipsyncctl.client.outage import AWAY, given_up, persistent
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import outcome
from lipsyncctl.verbs.ending import deliver, destination_of, exit_code, receive
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.submit import INTERRUPTED
from lipsyncctl.wayback import comfort
from lipsyncd.errors import InvalidRequest

TIMED_OUT = 124  # as timeout(1) has it


def wait(console: Console, arguments: Namespace) -> int:
    """The outcome as an exit code; whoever stops waiting leaves the jobs as they are."""
    if arguments.output is not None and len(arguments.jobs) > 1 and not arguments.any:
        raise InvalidRequest("-o is for the result of one job.", "Fetch the others one by one.")
    output = arguments.output
    destination = None if output is None else destination_of(console, output)
    wait_for = wait_for_any if arguments.any else wait_for_all
    try:
        with time_limit(arguments.timeout):
            return wait_for(console, arguments, destination)
    except AWAY as error:
        raise given_up(error, comfort(arguments, arguments.jobs)) from error
    except TimeIsUp:
        console.emit({"verb": "timeout", "seconds": arguments.timeout, "jobs": arguments.jobs})
        console.note("The time is up; what has not ended goes on.")
        return TIMED_OUT
    except KeyboardInterrupt:
        console.note("What has not ended goes on; `lipsyncctl cancel` would stop it.")
        return INTERRUPTED


def wait_for_all(console: Console, arguments: Namespace, destination: Destination | None) -> int:
    """Returns when all the jobs have ended."""

    def wait_for(job: str) -> int:
        address = persistent(lambda: holder(arguments.addresses, job), console.note)
        return deliver(console, address, job, destination)

    return worst(console, arguments.jobs, wait_for)


def wait_for_any(console: Console, arguments: Namespace, destination: Destination | None) -> int:
    """Returns when the first of the jobs has ended, and says which one that is."""
    found = first_to_end(find(arguments.addresses, arguments.jobs, console.note), console)
    console.tell({"verb": "finished", "job": found.job}, found.job["id"])
    if found.job["state"] != "succeeded":
        console.note(outcome(found.job))
    elif destination:
        place = (found.address, found.job["id"], destination)
        persistent(lambda: receive(console, *place), console.note)
    return exit_code(found.job)


def first_to_end(found: list[Found], console: Console) -> Found:
    """The job that has ended first, as it is then."""
    ended = [each for each in found if each.is_ended]
    if ended:
        return min(ended, key=lambda each: each.job["ended_at"])
    awaited = {each.job["id"] for each in found}
    return next(
        Found(address, message["job"], message["seq"])
        for address, message in with_pause(found, console)
        if is_end(message) and message["job"]["id"] in awaited
    )


def with_pause(found: list[Found], console: Console) -> Iterator[Change]:
    """The changes; a pause of the queue is told, and its end when one that it held starts."""
    held = {each.job["id"] for each in found if each.job.get("paused")}
    for reason in sorted({each.job["paused"] for each in found if each.job["id"] in held}):
        console.note(reason)
    for change in changes_of(found, None, console.note):
        job = change[1].get("job")  # `idle` has none
        if job and job["id"] in held and job["state"] == "running":
            console.note("The queue goes on.")
            held = set()
        yield change
