"""The line is arranged: jobs that wait are held, let go, or moved among those of their user."""

from collections.abc import Callable

from lipsyncd.errors import JobNotQueued
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.values import one_of
from lipsyncd.server.request import Reply, Request, with_position

ENDS = one_of("first", "last")


def on_hold(request: Request) -> Reply:
    return _changed(request, "held", request.controlplane.line.hold)


def on_release(request: Request) -> Reply:
    return _changed(request, "released", request.controlplane.line.release)


def on_move(request: Request) -> Reply:
    is_first = request.field("to", str, values=ENDS) == "first"
    return _changed(request, "moved", lambda job: request.controlplane.line.move(job, is_first))


def _changed(request: Request, verb: str, change: Callable[[str], Job | None]) -> Reply:
    """The job, if it waits; the scheduler looks at the line again within two seconds."""
    job = change(request.job().id)
    if job is None:
        found = request.job()
        if found.held:
            hint = f"Let it go first, as `lipsyncctl release {found.id}` does."
            raise JobNotQueued(f"Job {found.id} is held.", hint)
        raise JobNotQueued(f"{found}.", "Only jobs that wait are in the line.")
    return Reply(verb, {"job": with_position(request.controlplane, [job])[0]})
