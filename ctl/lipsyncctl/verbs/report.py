"""A result is looked at: one page on how it came out."""

import os
from argparse import Namespace

from lipsyncctl.client.fetch import Destination, Outlet, Place
from lipsyncctl.client.preflight import Preflights
from lipsyncctl.show.console import Console
from lipsyncctl.show.wording import size
from lipsyncctl.verbs.job import JOB
from lipsyncctl.verbs.pipes import stdout
from lipsyncctl.verbs.verb import DASH, argument, verb
from lipsyncd.errors import InvalidRequest


@verb(
    JOB,
    argument(
        *("-o", "--output"),
        metavar="OUT",
        required=True,
        help="where the page is written, as report.html, - for stdout",
    ),
)
def report(console: Console, client: Preflights, arguments: Namespace) -> int:
    """It needs nothing beside itself."""
    from lipsyncctl.show.report import report as page  # noqa: PLC0415  # no other verb needs it

    destination = place_of(arguments.output)
    job, review = client.review(arguments.job)
    text = page(job, job.message["changes"], review).encode()
    with os.fdopen(os.memfd_create("report"), "wb") as file:
        file.write(text)
        file.flush()
        destination.receive(file.fileno(), len(text))
    told = job.message | {"size": len(text), "path": destination.path}
    console.answer(told, f"{destination.name}: {size(len(text))}")
    return 0


def place_of(output: str) -> Place:
    """Where the page goes.  Raises InvalidRequest if nothing can be written there."""
    if not output:
        raise InvalidRequest("-o takes the name of a file.", "Name one, as report.html.")
    return Outlet(stdout()) if output == DASH else Destination.of(output)
