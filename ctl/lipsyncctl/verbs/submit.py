"""Jobs come in: new ones, alone or with the wait for their result, and old ones once more."""

import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import fields

from lipsyncctl.client.client import Client
from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.fetch import Place
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY, given_up
from lipsyncctl.client.submit import AcceptanceUnknown, Source, refusals
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.ending import (
    INTERRUPTED,
    deliver,
    destination_of,
    resume_command,
    resume_hint,
)
from lipsyncctl.verbs.pipes import opened
from lipsyncctl.verbs.several import worst
from lipsyncctl.verbs.typed import arguments_of, stretch
from lipsyncctl.verbs.verb import argument, group, verb
from lipsyncctl.verbs.wait import cancel_shown
from lipsyncd.errors import InvalidRequest, LipsyncError
from lipsyncd.protocol.options import PICTURED, WHO, Options
from lipsyncd.protocol.redo import Redo
from lipsyncd.protocol.terms import Terms

SECOND_THOUGHTS = 3.0  # seconds for a second Ctrl-C
CANCELLED = 3
BOUNDS = "from_", "to"  # of a stretch
EACH = "who", "voice_track"  # options that are given for each voice

VOICE = argument(
    *("-a", "--voice"),
    metavar="VOICE",
    dest="voices",
    action="append",
    required=True,
    help="the speech, a sound file, - for stdin; for a dialogue once for each who speaks, with a "
    "--who for each",
)
OPTIONS = group("how it is rendered", *arguments_of(Options))
WORK = argument(
    "--work",
    metavar="FILE",
    help="what jobs with a --share have made of this one, one behind the other in a file: that is "
    "not made again",
)
TERMS = group(
    "when it is rendered, and for whom",
    *arguments_of(Terms),
    text="A TIME is typed as 90 or 90s (seconds), 15m, 2h or 1d.",
)
OUTPUT = argument(
    *("-o", "--output"),
    metavar="OUT",
    required=True,
    help="where the result is written, - for stdout; the ending of its name says in which format",
)


@verb(
    "render a face with a voice and write the result",
    argument("face", metavar="FACE", help="a video or a still of a face, - for stdin"),
    *(VOICE, OPTIONS, WORK, TERMS, OUTPUT),
)
def run(console: Console, client: Client, arguments: Namespace) -> int:
    """Submits, waits, fetches. From the acceptance on the job lives without us."""
    destination = destination_of(client, arguments.output, (arguments.face, *arguments.voices))
    settle_format(arguments, destination)
    with opened(client, [arguments.face], arguments.voices) as ([face], voices):
        job = submit_shown(console, client, arguments, face, voices).id
    try:
        return deliver(console, client, job, destination, Deadline())
    except KeyboardInterrupt:
        return leave(console, client, arguments, job)
    except AWAY as error:
        console.error(given_up(error, resume_hint(arguments, [job])), job)
        return error.code
    except LipsyncError as error:
        console.error(error, job)
        console.notice(f"The job stays with the daemon: `{resume_command(arguments, [job])}`.")
        return error.code


@verb(
    "hand in a job for each face, print their ids, and return",
    argument("faces", metavar="FACE", nargs="+", help="a video or a still, - for stdin"),
    *(VOICE, OPTIONS, WORK, TERMS),
)
def submit(console: Console, client: Client, arguments: Namespace) -> int:
    """A job for each face, once all files could be opened; only ids go to stdout."""
    faces = arguments.faces
    if arguments.key is not None and len(faces) > 1:
        raise InvalidRequest("A key is for one job.", "Submit the faces one by one.")
    with opened(client, faces, arguments.voices) as (files, voices):
        if refused := [*refusals((*files, *voices))]:
            for error in refused:
                console.error(error)
            if len(faces) > 1:
                console.notice("No job was handed in.")
            return refused[0].code
        for number, face in enumerate(files):
            try:
                console.words(submit_shown(console, client, arguments, face, voices).id)
            except LipsyncError:
                if len(faces) > 1:
                    left = ", ".join(faces[number:])
                    console.notice(f"{number} of {len(faces)} jobs accepted; not handed in: {left}")
                raise
    return 0


@verb(
    "render jobs anew that have no result, or with --redo a stretch of one; print the new ids",
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
def retry(console: Console, client: Client, arguments: Namespace) -> int:
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


def settle_format(arguments: Namespace, destination: Place) -> None:
    """The format is the one that is asked for, else the one that the result's name promises.

    Raises InvalidRequest if these two differ.
    """
    if arguments.format:
        destination.refuse_other(arguments.format)
    elif destination.format != Options.format:  # which an older daemon need not be told
        arguments.format = destination.format


def submit_shown(
    console: Console, client: Client, arguments: Namespace, face: Source, voices: Sequence[Source]
) -> Job:
    """The accepted job."""
    terms = {each.name: getattr(arguments, each.name) for each in fields(Terms)}
    given, pictures = options_of(arguments)
    try:
        job = client.submit(face, voices, pictures=pictures, work=arguments.work, **given, **terms)
    except AcceptanceUnknown as error:
        repeat = f"`--key {error.key}` repeats this without making a second one."
        raise given_up(error, f"It may have taken the job. {repeat}") from error
    console.json(job.message)
    return job


def options_of(arguments: Namespace) -> tuple[dict[str, object], list[str]]:
    """What was typed of them, None for the others; and the pictures of people among it."""
    given = {each.name: getattr(arguments, each.name) for each in fields(Options)}
    given["who"], pictures = told_who(given["who"])
    return given | {name: given[name] and " ".join(given[name]) for name in EACH}, pictures


def told_who(typed: Sequence[str] | None) -> tuple[list[str] | None, list[str]]:
    """What is said of each voice, and the pictures of people among what was typed for it."""
    if typed is None:
        return None, []
    pictures = [each for each in typed if each not in WHO]
    return [PICTURED if each in pictures else each for each in typed], pictures


def leave(console: Console, client: Client, arguments: Namespace, job: str) -> int:
    """Tells how to come back, and waits a little for a second Ctrl-C, which cancels the job."""
    try:
        command = resume_command(arguments, [job])
        console.notice(f"The job goes on. Come back with `{command}`.")
        console.notice(f"Ctrl-C again within {SECOND_THOUGHTS:.0f} s cancels it.")
        time.sleep(SECOND_THOUGHTS)
        return INTERRUPTED
    except KeyboardInterrupt:
        cancel_shown(console, client, job)
        return CANCELLED
