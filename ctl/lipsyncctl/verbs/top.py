"""The daemon at work, live: its devices, what it renders, what waits."""

import os
import sys
from argparse import Namespace

from lipsyncctl.client.jobs import Jobs
from lipsyncctl.client.outage import AWAY
from lipsyncctl.show.console import Console
from lipsyncctl.show.display import can_draw, display, draw, is_ended
from lipsyncctl.show.top import screen
from lipsyncctl.show.wording import sentence
from lipsyncctl.verbs.typed import seconds_of
from lipsyncctl.verbs.verb import argument, verb

MOST = 200  # jobs, the newest ones
INTERVAL = 1.0


@verb(
    argument(
        "--interval",
        metavar="TIME",
        type=seconds_of,
        default=INTERVAL,
        help="between two looks (default: 1s)",
    ),
)
def top(console: Console, client: Jobs, arguments: Namespace) -> int:
    """Until q or Ctrl-C; where nothing can be drawn one look, and no more."""
    if console.is_json or not can_draw():
        report, jobs = client.health(), client.list(MOST)
        told = {"verb": "reported", **report, "jobs": [dict(job) for job in jobs]}
        console.answer(told, "\n".join(screen(report, jobs, console.columns(), None)))
        return 0
    client.health()  # without a daemon there is nothing to wait for
    try:
        with display():
            while True:
                draw(looked(client))
                if is_ended(arguments.interval):
                    return 0
    except KeyboardInterrupt:
        return 0


def looked(client: Jobs) -> list[str]:
    """What is there now; a daemon that restarts comes back."""
    room, height = os.get_terminal_size(sys.stdout.fileno())
    try:
        return screen(client.health(), client.list(MOST), room, height)
    except AWAY as error:
        return [sentence(error.as_map())[:room]]
