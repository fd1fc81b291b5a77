"""What a daemon tells by itself, of one job or of all; its restarts do not interrupt it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lipsyncctl.client.outage import AWAY, Outage
from lipsyncctl.client.session import open_client
from lipsyncctl.reach import Remark


def progress(address: Path, job: str, remark: Remark) -> Iterator[dict[str, Any]]:
    """What the daemon tells of a job: each time that it changes, at last that it has ended.

    `remark` hears of a daemon that went away. Raises ServerUnreachable if it stays away.
    """
    outage = Outage(remark)
    while True:
        try:
            with open_client(address) as client:
                for message in client.stream("wait", job=job, progress=True):
                    outage.end()
                    yield message.body
            return
        except AWAY as error:
            outage.endure(error)


def happenings(address: Path, since: int | None, remark: Remark) -> Iterator[dict[str, Any]]:
    """Every change of a job's state after number `since` (None: from now on), each once, for ever.

    Between them it tells how far it has come, in messages that are `idle`. Raises EventsGone if
    the daemon has forgotten what comes next, ServerUnreachable if it stays away.
    """
    outage = Outage(remark)
    while True:
        fields = {} if since is None else {"since": since}
        try:
            with open_client(address) as client:
                for message in client.stream("follow", **fields):
                    outage.end()
                    since = int(message.body["seq"])  # type: ignore[call-overload]
                    yield message.body
        except AWAY as error:
            outage.endure(error)
