"""Handing a job to the daemon: the two files are opened here and travel as descriptors."""

import os
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lipsyncctl.client import open_client
from lipsyncctl.console import Console
from lipsyncctl.inputs import open_input
from lipsyncd.errors import ServerUnreachable

STARTING = 5.0  # seconds that a daemon started just before us may take to make its socket
OPTIONS = ("blend", "extend", "box", "crf")


def submit(console: Console, arguments: Namespace, address: Path, face: str) -> dict[str, Any]:
    """The accepted job. The daemon has its own copy of the files then."""
    with ExitStack() as stack:
        files = [stack.enter_context(open_input(path)) for path in (face, arguments.voice)]
        client = stack.enter_context(open_client(address, STARTING))
        try:
            accepted = client.ask(
                "submit",
                patience=None,  # the daemon copies the files before it answers
                descriptors=files,
                face=os.path.basename(face),
                voice=os.path.basename(arguments.voice),
                options=chosen(arguments),
            )
        except ServerUnreachable as error:
            hint = "`lipsyncctl list` tells whether it has taken the job."
            raise ServerUnreachable(error.message, hint) from error
    console.emit(accepted.body)
    job = accepted.body["job"]
    if client.state != "ready":
        console.note(f"job {job['id']} waits: the daemon is still {client.state}.")
    return job


def chosen(arguments: Namespace) -> dict[str, object]:
    """The options that were given; the daemon knows the others' defaults."""
    given = {name: getattr(arguments, name) for name in OPTIONS}
    return {name: value for name, value in given.items() if value is not None}
