"""`follow`: each change of a job's state, in a line of its own, as it happens."""

from argparse import Namespace
from collections.abc import Iterable

from lipsyncctl.changes import Change, Found, changes, changes_of, find, is_end
from lipsyncctl.console import Console
from lipsyncctl.delivery import exit_code
from lipsyncctl.instances import answering
from lipsyncctl.job import happening, outcome
from lipsyncd.errors import EventsGone, InvalidRequest


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
    for change in changes(dict.fromkeys(addresses, arguments.since), console.note):
        show(console, change, is_single=len(addresses) == 1)
    return 0


def follow_jobs(console: Console, arguments: Namespace) -> int:
    """Returns when all have ended; the first of their exit codes that is not 0."""
    found = find(arguments.addresses, arguments.jobs, console.note)
    last = {each.job["id"]: each.job for each in found}
    left = untold(console, found, arguments.since)
    stream = changes_of(left, arguments.since, console.note)
    while left:
        change = next(stream)
        _, message = change
        if message["verb"] == "happened" and message["job"]["id"] in last:
            show(console, change, is_single=len(arguments.addresses) == 1)
            if is_end(message):
                last[message["job"]["id"]] = message["job"]
        left = [each for each in left if not each.is_told(change)]
    return next((code for code in map(exit_code, last.values()) if code), 0)


def untold(console: Console, found: Iterable[Found], since: int | None) -> list[Found]:
    """Those of which there is something to come; of the others, how they ended is told at once."""
    left = []
    for each in found:
        if each.is_ended and (since is None or since >= each.seq):
            console.emit({"verb": "described", "job": each.job, "seq": each.seq})
            console.note(outcome(each.job))
        else:
            left.append(each)
    return left


def show(console: Console, change: Change, is_single: bool) -> None:
    """One line; where there are several daemons, with the name of the one that tells it."""
    address, message = change
    if message["verb"] == "happened":
        name = {} if is_single else {"instance": address.stem}
        console.tell(message | name, "  ".join([*name.values(), happening(message)]))
