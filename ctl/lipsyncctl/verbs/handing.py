"""A task is handed in, and is a job from then on."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lipsyncctl.client.client import Client
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import given_up
from lipsyncctl.client.submit import AcceptanceUnknown, Source
from lipsyncctl.show.console import Console
from lipsyncctl.verbs.choices import options_of
from lipsyncctl.verbs.tasks import Task
from lipsyncd.protocol.terms import Terms


def handed_in(
    console: Console, client: Client, task: Task, sources: Mapping[str, Source], key: str | None
) -> Job:
    """The accepted job."""
    arguments = task.arguments
    terms: dict[str, Any] = {each.name: getattr(arguments, each.name) for each in fields(Terms)}
    options, pictures = options_of(arguments)
    media: Any = {"pictures": pictures, "work": arguments.work}
    face, voices = sources[task.face], [sources[each] for each in task.voices]
    try:
        job = client.submit(face, voices, **media, **options, **terms | {"key": key})
    except AcceptanceUnknown as error:
        repeat = f"`--key {error.key}` repeats this without making a second one."
        raise given_up(error, f"It may have taken the job. {repeat}") from error
    console.json(job.message)
    return job
