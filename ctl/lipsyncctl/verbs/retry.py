"""Old jobs once more: whole, if they have no result, or a stretch of the result."""

from argparse import Namespace
from dataclasses import fields

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.choices import arguments_of
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.typed import stretch
from lipsyncctl.verbs.verb import argument, group, verb
from lipsyncd.errors import InvalidRequest
from lipsyncd.protocol.redo import Redo

BOUNDS = "from_", "to"  # of a stretch


@verb(
    argument("jobs", metavar="ID", nargs="+"),
    argument(
        "--redo",
        metavar="FROM-TO",
        type=stretch,
        help="the stretch that is made anew with the options below, as 12.0-15.5 or 1:02-1:05, 12- "
        "to the end; the rest stays as it was",
    ),
    group("what is other in the stretch", *arguments_of(Redo, BOUNDS)),
)
def retry(console: Console, client: Jobs, arguments: Namespace) -> int:
    """A new job for each; their ids, and nothing else, go to stdout."""
    given = {each.name: getattr(arguments, each.name, None) for each in fields(Redo)}
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen and not arguments.redo:
        raise InvalidRequest(
            "A job that failed is repeated as it was.", "Leave the options out, or add --redo."
        )

    def retry_one(job: str) -> int:
        again = client.retry(job, arguments.redo, **chosen)
        console.answer(again.message, again.id)
        return 0

    return worst(console, arguments.jobs, retry_one)
