"""Until a job has ended, or the first of several; a restart of the daemon does not interrupt it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from lipsyncctl.client.deadline import Deadline
from lipsyncctl.client.follow import Found, Stream, find, is_change, start_of
from lipsyncctl.client.job import Job
from lipsyncctl.client.outage import AWAY, Outage
from lipsyncctl.client.session import Notice, open_session

OnProgress = Callable[[Job], None]


def wait(
    address: str, job: str, deadline: Deadline, notice: Notice, on_progress: OnProgress | None
) -> Job:
    """The job as it ended. `on_progress` hears of it each time that it changes before that."""
    for message in progress(address, job, deadline, notice):
        told = Job(message)
        if message["verb"] == "progressed" and on_progress:
            on_progress(told)
    return told


def progress(
    address: str, job: str, deadline: Deadline, notice: Notice
) -> Iterator[dict[str, Any]]:
    """What the daemon tells of a job: each time that it changes, at last that it has ended.

    `notice` hears of a daemon that went away. Raises ServerUnreachable if it stays away.
    """
    outage = Outage(notice, deadline)
    while True:
        try:
            with open_session(address, deadline) as session:
                for message in session.stream("wait", job=job, progress=True):
                    outage.end()
                    yield message.body
            return
        except AWAY as error:
            outage.endure(error)


def wait_any(address: str, jobs: Sequence[str], deadline: Deadline, notice: Notice) -> Job:
    """The job that has ended first, as it is then; a pause of the queue is worth a notice."""
    found = find(address, jobs, notice, deadline)
    ended = [each.job for each in found if each.job.is_ended]
    if ended:
        return min(ended, key=lambda job: job["ended_at"])
    with closing(Stream(address, start_of(found), notice, deadline)) as stream:
        return next(job for job in awaited(found, stream, notice) if job.is_ended)


def awaited(found: Sequence[Found], stream: Stream, notice: Notice) -> Iterator[Job]:
    """These jobs as they change; a pause that holds some is over when one of them starts."""
    ids = {each.job.id for each in found}
    held = {each.job.id for each in found if each.job.paused}
    for reason in sorted({each.job.paused for each in found if each.job.paused}):
        notice(reason)
    for message in stream:
        if is_change(message) and message["job"]["id"] in ids:
            job = Job(message)
            if job.id in held and job.state == "running":
                notice("The queue goes on.")
                held = set()
            yield job
