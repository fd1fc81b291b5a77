"""`run`: from the files to the result in one go; and Ctrl-C, which first leaves, then cancels."""

import time
from argparse import Namespace
from pathlib import Path

from lipsyncctl.client.instances import taker
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.client.session import open_client
from lipsyncctl.client.submit import submit
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.ending import deliver, destination_of
from lipsyncctl.wayback import comfort, way_back
from lipsyncd.errors import LipsyncError

SECOND_THOUGHTS = 3.0  # seconds for a second Ctrl-C
INTERRUPTED = 130
CANCELLED = 3


def run(console: Console, arguments: Namespace) -> int:
    """Submits, follows, fetches. From the acceptance on the job lives without us."""
    destination = destination_of(console, arguments.output, (arguments.face, arguments.voice))
    address = taker(arguments.addresses, arguments.key)
    job = submit(console, arguments, address, arguments.face)["id"]
    try:
        return deliver(console, address, job, destination)
    except KeyboardInterrupt:
        return leave(console, arguments, address, job)
    except AWAY as error:
        console.complain(given_up(error, comfort(arguments, [job])), job)
        return error.code
    except LipsyncError as error:
        console.complain(error, job)
        console.note(f"The job stays with the daemon: `{way_back(arguments, [job])}`.")
        return error.code


def leave(console: Console, arguments: Namespace, address: Path, job: str) -> int:
    """Tells how to come back, and waits a little for a second Ctrl-C, which cancels the job."""
    try:
        console.note(f"The job goes on. Come back with `{way_back(arguments, [job])}`.")
        console.note(f"Ctrl-C again within {SECOND_THOUGHTS:.0f} s cancels it.")
        time.sleep(SECOND_THOUGHTS)
        return INTERRUPTED
    except KeyboardInterrupt:
        cancel(console, address, job)
        return CANCELLED


def cancel(console: Console, address: Path, job: str) -> None:
    """Returns when the job has ended; JobEnded if it had ended before."""
    with open_client(address) as client:
        console.emit(client.ask("cancel", patience=None, job=job).body)
    console.note(f"job {job} is cancelled.")
