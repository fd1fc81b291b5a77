"""`follow`: each change of a job's state, in a line of its own, as it happens."""

import math
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lipsyncctl.client.follow import Change, Found, changes, changes_of, find, is_end, is_ended
from lipsyncctl.client.instances import answering
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import happening
from lipsyncctl.verbs.ending import exit_code
from lipsyncctl.wayback import comfort
from lipsyncd.errors import EventsGone, InvalidRequest


class Story:
    """What is told, in a line for each change; a job that is queued after it was told of is back.

    Where there are several daemons, a line begins with the name of the one that tells it.
    """

    def __init__(self, console: Console, is_single: bool) -> None:
        self.console = console
        self.is_single = is_single
        self.told: set[str] = set()  # jobs that have not ended

    def tell(self, address: Path, message: Mapping[str, Any]) -> None:
        """How a job is now, or has become."""
        job = message["job"]
        is_present = message["verb"] == "described"
        is_back = job["id"] in self.told or (is_present and job["attempts"] > 0)
        name = {} if self.is_single else {"instance": address.stem}
        words = "  ".join([*name.values(), happening(message, is_back)])
        self.console.tell({**message, **name}, words)
        (self.told.discard if is_ended(job) else self.told.add)(job["id"])


def follow(console: Console, arguments: Namespace) -> int:
    """Of the named jobs until they have ended, else of all until Ctrl-C."""
    if arguments.since is not None and len(arguments.addresses) > 1:
        raise InvalidRequest(
            "Each daemon counts for itself, so --since is for one of them.", "Name its --socket."
        )
    tell = follow_jobs if arguments.jobs else follow_all
    try:
        return tell(console, arguments)
    except EventsGone as error:
        hint = "`lipsyncctl list` shows what became of the jobs; without --since it begins now."
        raise EventsGone(error.message, hint) from error


def follow_all(console: Console, arguments: Namespace) -> int:
    """Never ends by itself."""
    addresses = answering(arguments.addresses, console.complain)
    story = Story(console, is_single=len(addresses) == 1)
    for address, message in changes(dict.fromkeys(addresses, arguments.since), console.note):
        if message["verb"] == "happened":
            story.tell(address, message)
    return 0


def follow_jobs(console: Console, arguments: Namespace) -> int:
    """Of these; when the daemon stays away, what to do about them is told."""
    try:
        return follow_to_end(console, arguments)
    except AWAY as error:
        raise given_up(error, comfort(arguments, arguments.jobs)) from error


def follow_to_end(console: Console, arguments: Namespace) -> int:
    """Returns when all have ended; the first of their exit codes that is not 0."""
    story = Story(console, is_single=len(arguments.addresses) == 1)
    found = find(arguments.addresses, arguments.jobs, console.note)
    last = {each.job["id"]: each.job for each in found}
    for each in found:
        if is_present_told(each, arguments.since):
            story.tell(each.address, {"verb": "described", "job": each.job, "seq": each.seq})
    left = [each for each in found if not is_over(each, arguments.since)]
    stream = changes_of(left, arguments.since, console.note)
    while left:
        change = next(stream)
        address, message = change
        if is_new(change, found, arguments.since):
            story.tell(address, message)
            if is_end(message):
                last[message["job"]["id"]] = message["job"]
        left = [each for each in left if not each.is_told(change)]
    return next((code for code in map(exit_code, last.values()) if code), 0)


def is_over(found: Found, since: int | None) -> bool:
    """Whether nothing more comes of a job."""
    return found.is_ended and (since is None or since >= found.seq)


def is_new(change: Change, found: Iterable[Found], since: int | None) -> bool:
    """Whether one of the jobs has changed since it was told how it is."""
    _, message = change
    if message["verb"] != "happened":
        return False
    begun = {each.job["id"]: each.seq if since is None else since for each in found}
    return message["seq"] > begun.get(message["job"]["id"], math.inf)


def is_present_told(found: Found, since: int | None) -> bool:
    """Whether it is told how a job is now, because its past is not."""
    return since is None or is_over(found, since)
