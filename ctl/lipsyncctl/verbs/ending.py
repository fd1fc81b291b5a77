"""The end of a job as its user meets it: the result in its place, how it went as an exit code."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterable

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.fetch import Place
from lipsyncctl.client.job import Job
from lipsyncctl.client.told import Told
from lipsyncctl.show.console import Console
from lipsyncctl.show.job import ending, frames
from lipsyncctl.show.progress import ProgressLine
from lipsyncctl.verbs.finish import finish
from lipsyncctl.verbs.pipes import stdout
from lipsyncctl.verbs.verb import DASH
from lipsyncd.errors import InputError, InvalidRequest

EXIT_CODES = {"succeeded": 0, "cancelled": 3, "expired": 3, "quarantined": 4}


def destination_of(client: Client, name: str, inputs: Iterable[str] = ()) -> Place:
    """Where -o says that the result is wanted."""
    if not name:
        raise InvalidRequest("-o takes the name of a file.", "Name one, as out.mp4.")
    files = [each for each in inputs if each != DASH]
    return client.destination(stdout() if name == DASH else name, files)


def deliver(
    console: Console,
    client: Client,
    job: str,
    destination: Place | None,
    deadline: Deadline,
    *,
    on_finish: str | None = None,
) -> int:
    """Waits for the end of a job and puts its result, if there is one, where it is wanted; then
    runs the user's command."""
    ended = wait_shown(console, client, job, deadline)
    for note in ended.get("notes") or []:
        console.notice(note)
    if ended.state != "succeeded":
        console.notice(ending(ended))
    elif destination is None:
        console.words(ending(ended))
    else:
        receive(console, client, job, destination, deadline)
        console.words(f"{destination.name}: {frames(ended)}")
    finish(console, on_finish, ended, destination)
    return exit_code(ended)


def wait_shown(console: Console, client: Client, job: str, deadline: Deadline) -> Job:
    """The job as it ended; its way there is shown."""
    with ProgressLine(sys.stderr) as line:
        console.line = line

        def show(job: Job) -> None:
            console.json(job.message)
            line.show(job)

        ended = client.wait(job, deadline.left, on_progress=show)
    console.json(ended.message)
    return ended


def receive(
    console: Console, client: Client, job: str, destination: Place, deadline: Deadline
) -> None:
    """Writes the result of a job to its destination, also through a restart of the daemon."""
    fetched = client.fetch(job, destination, timeout=deadline.left, survive_restart=True)
    console.json(fetched.message | {"path": destination.path})


def exit_code(job: Told) -> int:
    """What a program says of a job that has ended: 0, or how it went wrong."""
    if job["state"] == "failed":
        return InputError.code if job["error"]["code"] == InputError.code else 1
    return EXIT_CODES[job["state"]]


def resume_command(arguments: Namespace, jobs: Iterable[str]) -> str:
    """A `wait` that goes on where we stopped, at the place and for the result that were named."""
    socket = ["--socket", arguments.socket] if arguments.socket else []
    farm = ["--farm", arguments.farm] if arguments.farm else []
    output = getattr(arguments, "output", None)
    result = ["-o", output] if output else []
    return shlex.join(["lipsyncctl", "wait", *socket, *farm, *jobs, *result])


def resume_hint(arguments: Namespace, jobs: Iterable[str]) -> str:
    """What there is to know when the daemon stays away."""
    command = resume_command(arguments, jobs)
    return f"Accepted jobs are safe: `{command}` once the daemon is back."
