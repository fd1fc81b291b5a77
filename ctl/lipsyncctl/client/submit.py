"""Handing a job to the daemon: the two files are opened here and travel as descriptors."""

import os
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lipsyncctl.client.key import made_up_key
from lipsyncctl.client.outage import AWAY, Outage, given_up
from lipsyncctl.client.session import ConnectionLost, open_client
from lipsyncctl.inputs import open_input
from lipsyncctl.show.console import Console
from lipsyncd.errors import LipsyncError

STARTING = 5.0  # seconds that a daemon started just before us may take to make its socket
OPTIONS = ("blend", "extend", "box", "crf")
TERMS = ("priority", "key", "expires", "max_runtime")


def submit(console: Console, arguments: Namespace, address: Path, face: str) -> dict[str, Any]:
    """The accepted job. The daemon has its own copy of the files then."""
    fields = {
        "face": os.path.basename(face),
        "voice": os.path.basename(arguments.voice),
        "options": chosen(arguments, OPTIONS),
        "terms": {"key": made_up_key()} | chosen(arguments, TERMS),
    }
    with ExitStack() as stack:
        files = [stack.enter_context(open_input(path)) for path in (face, arguments.voice)]
        accepted, state = hand_over(console, address, files, fields)
    console.emit(accepted)
    job = accepted["job"]
    if state != "ready" and job["state"] == "queued":
        console.note(f"job {job['id']} waits: the daemon is still {state}.")
    return job


def hand_over(
    console: Console, address: Path, files: Sequence[int], fields: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """The daemon's answer, and its state.

    When the connection is lost it is asked again; thanks to the key there is one job, or none.
    """
    outage, is_lost = Outage(console.note), False
    while True:
        try:
            # after a loss the outage has the patience
            with open_client(address, 0.0 if is_lost else STARTING, console.note) as client:
                # None: the daemon copies the files before it answers
                answer = client.ask("submit", patience=None, descriptors=files, **fields)
                return answer.body, client.state
        except AWAY as error:
            is_lost = is_lost or isinstance(error, ConnectionLost)
            if not is_lost:
                raise
            endure(outage, error, fields["terms"]["key"])


def endure(outage: Outage, error: LipsyncError, key: str) -> None:
    """Waits for the daemon to come back; at the end tells how to ask again without us."""
    try:
        outage.endure(error)
    except AWAY:
        hint = f"It may have taken the job. `--key {key}` repeats this without making a second one."
        raise given_up(error, hint) from error


def chosen(arguments: Namespace, names: Sequence[str]) -> dict[str, object]:
    """What was given of these; the daemon knows the others' defaults."""
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}
