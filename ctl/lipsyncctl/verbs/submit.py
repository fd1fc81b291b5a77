"""Jobs come in, one or a batch: alone, or with the wait for their results."""

import os
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.client.submit import Source, refusals
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.batch import REPEAT, Batch, once_for_all
from lipsyncctl.verbs.choices import OPTIONS, TERMS, WORK
from lipsyncctl.verbs.ending import deliver, resume_command, resume_hint
from lipsyncctl.verbs.finish import ON_FINISH
from lipsyncctl.verbs.handing import handed_in
from lipsyncctl.verbs.pipes import opened
from lipsyncctl.verbs.tasks import Task, is_batch, placed, tasks_of
from lipsyncctl.verbs.verb import INTERRUPTED, argument, group, verb
from lipsyncctl.verbs.wait import cancel_shown
from lipsyncd.errors import LipsyncError

SECOND_THOUGHTS = 3.0  # seconds for a second Ctrl-C
CANCELLED = 3

FACES = argument(
    "faces",
    metavar="FACE",
    nargs="*",
    help="a video or a still of a face, - for stdin; several, or a pattern as 'faces/*.mp4', are "
    "a job each",
)
VOICES = argument(
    *("-a", "--voice"),
    metavar="VOICE",
    dest="voices",
    action="append",
    default=[],
    help="the speech, a sound file, - for stdin; several, or a pattern, are a job each, or with a "
    "--who for each a dialogue",
)
MANY = group(
    "many jobs",
    argument(
        "--manifest",
        metavar="FILE",
        help="a job for each row of this CSV or these JSON lines, - for stdin: face, voice, output "
        "and options by their names",
    ),
    argument(
        "--keep-going",
        action="store_true",
        help="go on after a job that fails; without this what was handed in goes on by itself, and "
        "the rest is left",
    ),
    text="A batch can be repeated: what is done is not done again.",
)


@verb(
    *(FACES, VOICES, MANY, OPTIONS, WORK, TERMS),
    argument(
        *("-o", "--output"),
        metavar="OUT",
        help="where the result is written, - for stdout; the ending of its name says in which "
        "format; of many as 'out/{face}-{voice}.mp4' or with {number}: what is there already stays",
    ),
    argument("--force", action="store_true", help="write over what is there, also of many"),
    ON_FINISH,
)
def run(console: Console, client: Client, arguments: Namespace) -> int:
    """Submits, waits, fetches. From the acceptance on a job lives without us."""
    tasks = placed(client, tasks_of(arguments))
    if is_batch(arguments, tasks):
        return run_batch(console, client, arguments, tasks)
    return run_one(console, client, tasks[0])


@verb(FACES, VOICES, MANY, OPTIONS, WORK, TERMS)
def submit(console: Console, client: Client, arguments: Namespace) -> int:
    """A job for each, once all files could be opened; only ids go to stdout."""
    tasks = tasks_of(arguments)
    if code := refused(console, tasks):
        return code
    is_many = is_batch(arguments, tasks)
    codes: list[int] = []
    with sources_of(client, tasks) as sources:
        for number, task in enumerate(tasks):
            try:
                if is_many:
                    job = once_for_all(console, client, task, sources)
                else:
                    job = handed_in(console, client, task, sources, arguments.key)
                console.words(job.id)
            except LipsyncError as error:
                if not arguments.keep_going or isinstance(error, AWAY):
                    tell_left(console, tasks, number - len(codes), number)
                    raise
                console.error(error)
                codes.append(error.code)
    return codes[0] if codes else 0


def run_one(console: Console, client: Client, task: Task) -> int:
    """Its own ways to leave it and to come back."""
    arguments = task.arguments
    with sources_of(client, [task]) as sources:
        job = handed_in(console, client, task, sources, arguments.key).id
    try:
        return deliver(
            console, client, job, task.destination, Deadline(), on_finish=arguments.on_finish
        )
    except KeyboardInterrupt:
        command = resume_command(arguments, [job])
        console.notice(f"The job goes on. Come back with `{command}`.")
        return leave(console, client, [job])
    except AWAY as error:
        console.error(given_up(error, resume_hint(arguments, [job])), job)
        return error.code
    except LipsyncError as error:
        console.error(error, job)
        console.notice(f"The job stays with the daemon: `{resume_command(arguments, [job])}`.")
        return error.code


def run_batch(console: Console, client: Client, arguments: Namespace, tasks: Sequence[Task]) -> int:
    """Those whose results are not there; at the end a summary, whatever the end is."""
    wanted = [task for task in tasks if arguments.force or not is_there(task)]
    if code := refused(console, wanted):
        return code
    batch = Batch(console, client, arguments)
    try:
        with sources_of(client, wanted) as sources:
            batch.run(wanted, sources)
    except KeyboardInterrupt:
        console.notice(f"What was handed in goes on; {REPEAT}.")
        jobs = [job.id for job, _ in batch.waiting]
        return leave(console, client, jobs) if jobs else INTERRUPTED
    except AWAY as error:
        console.error(given_up(error, f"Accepted jobs are safe; {REPEAT}."))
        return error.code
    finally:
        batch.sum_up(len(wanted), len(tasks) - len(wanted))
    return batch.code


def is_there(task: Task) -> bool:
    """Whether there is something in the place of its result."""
    path = task.destination and task.destination.path
    return bool(path and os.path.exists(path))


def refused(console: Console, tasks: Sequence[Task]) -> int:
    """The exit code for the first file that cannot be opened, each of which is told; else 0."""
    found = [*refusals(dict.fromkeys(file for task in tasks for file in task.files))]
    for error in found:
        console.error(error)
    if found and len(tasks) > 1:
        console.notice("No job was handed in.")
    return found[0].code if found else 0


def sources_of(
    client: Client, tasks: Sequence[Task]
) -> AbstractContextManager[Mapping[str, Source]]:
    """The files of all, each once."""
    faces = dict.fromkeys(task.face for task in tasks)
    voices = dict.fromkeys(voice for task in tasks for voice in task.voices)
    return opened(client, faces, voices)


def tell_left(console: Console, tasks: Sequence[Task], accepted: int, number: int) -> None:
    """What of several tasks was not handed in, from that with this number on."""
    if len(tasks) > 1:
        left = ", ".join(dict.fromkeys(task.face for task in tasks[number:]))
        console.notice(f"{accepted} of {len(tasks)} jobs accepted; not handed in: {left}")


def leave(console: Console, client: Client, jobs: Sequence[str]) -> int:
    """Waits a little for a second Ctrl-C, which cancels the jobs."""
    try:
        them = "it" if len(jobs) == 1 else "them"
        console.notice(f"Ctrl-C again within {SECOND_THOUGHTS:.0f} s cancels {them}.")
        time.sleep(SECOND_THOUGHTS)
        return INTERRUPTED
    except KeyboardInterrupt:
        for job in jobs:
            cancel_shown(console, client, job)
        return CANCELLED
