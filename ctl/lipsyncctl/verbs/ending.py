"""The end of a job as its user meets it: the result in its place, the outcome as an exit code."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lipsyncctl.client.fetch import Destination
from lipsyncctl.client.outage import persistent
from lipsyncctl.client.session import open_client
from lipsyncctl.client.wait import progress
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import frames, outcome
from lipsyncd.errors import InputError, MalformedMessage
from lipsyncd.wire import HINT

EXIT_CODES = {"succeeded": 0, "cancelled": 3, "expired": 3, "quarantined": 4}


def destination_of(console: Console, name: str, inputs: Iterable[str] = ()) -> Destination:
    """Where the result is wanted; a name that promises another format is worth a remark."""
    destination = Destination.of(name, inputs)
    if destination.is_misnamed:
        console.note("The result is an MP4 (H.264), whatever its name says.")
    return destination


def deliver(console: Console, address: Path, job: str, destination: Destination | None) -> int:
    """Follows a job to its end and puts its result, if there is one, where it is wanted."""
    ended = watch(console, address, job)
    if ended["state"] != "succeeded":
        console.note(outcome(ended))
    elif destination is None:
        console.say(outcome(ended))
    else:
        persistent(lambda: receive(console, address, job, destination), console.note)
        console.say(f"{destination.name}: {frames(ended)}")
    return exit_code(ended)


def watch(console: Console, address: Path, job: str) -> dict[str, Any]:
    """The job as it ended; its way there is shown."""
    with console.progress() as line:
        for message in progress(address, job, line.remark):
            console.emit(message)
            if message["verb"] == "progressed":
                line.show(message["job"])
    return message["job"]


def receive(console: Console, address: Path, job: str, destination: Destination) -> int:
    """Writes the result of a job to its destination; its size in bytes."""
    with open_client(address) as client, client.ask("fetch", job=job) as fetched:
        if not fetched.descriptors:
            raise MalformedMessage("The daemon sent no file with its answer.", HINT)
        size = fetched.body["size"]
        destination.receive(fetched.descriptors[0], size)
        console.emit(fetched.body | {"path": destination.path})
    return size


def exit_code(job: dict[str, Any]) -> int:
    """What a program says of a job that has ended: 0, or how it went wrong."""
    if job["state"] == "failed":
        return InputError.code if job["error"]["code"] == InputError.code else 1
    return EXIT_CODES[job["state"]]
