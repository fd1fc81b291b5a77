"""The line is arranged: jobs that wait are held, let go, or moved among those of their user."""

from collections.abc import Callable

from lipsyncd.errors import JobNotQueued
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.protocol.values import one_of
from lipsyncd.server.request import Reply, Request, with_position
from lipsyncd.system.catalog import JOB_HELD, JOB_MOVED, JOB_RELEASED, Entry, emit

PLACES = one_of("first", "last", "before")
APART = "Jobs change places with those of the same user, label and priority that wait unheld."


def on_hold(request: Request) -> Reply:
    line = request.controlplane.line
    return _changed(request, JOB_HELD, "held", lambda job: line.hold(job, request.peer.uid))


def on_release(request: Request) -> Reply:
    line = request.controlplane.line
    return _changed(
        request, JOB_RELEASED, "released", lambda job: line.release(job, request.peer.uid)
    )


def on_move(request: Request) -> Reply:
    line, to = request.controlplane.line, request.field("to", str, values=PLACES)
    before = request.job("before").id if "before" in request.body else ""
    return _changed(
        request, JOB_MOVED, "moved", lambda job: line.move(job, request.peer.uid, to, before)
    )


def _changed(
    request: Request, event: Entry, verb: str, change: Callable[[str], Job | None]
) -> Reply:
    """The job, if it waits; the scheduler looks at the line again within two seconds."""
    found = request.job()
    job = change(found.id)
    if job is None:
        raise _refused(request)
    if job != found:
        emit(
            event,
            f"job %s: {verb} by uid %d",
            job.id,
            request.peer.uid,
            job=job,
            BY_UID=request.peer.uid,
        )
    return Reply(verb, {"job": with_position(request.controlplane, [job])[0]})


def _refused(request: Request) -> JobNotQueued:
    """Why the job, as it is now, cannot be arranged so."""
    found = request.job()
    if found.held:
        hint = f"Let it go first, as `lipsyncctl release {found.id}` does."
        return JobNotQueued(f"Job {found.id} is held.", hint)
    if found.state is State.QUEUED:
        other = request.job_id("before")
        return JobNotQueued(f"Job {other} does not wait in one line with {found.id}.", APART)
    return JobNotQueued(f"{found}.", "Only jobs that wait are in the line.")
