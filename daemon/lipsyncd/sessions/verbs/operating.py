"""What keeps the daemon in order; most of it is for admins."""

from lipsyncd.errors import AccessDenied, InvalidRequest, JobNotEnded
from lipsyncd.jobs.job import Job, State
from lipsyncd.sessions.request import Reply, Request

MAX_REASON = 200  # characters


def on_clean(request: Request) -> Reply:
    """What is removed is the client's own, unless it names the job."""
    jobs, size = request.house.retention.clean(_cleanable(request))
    return Reply("cleaned", {"jobs": jobs, "bytes": size})


def on_drain(request: Request) -> Reply:
    request.require_admin("drain the queue")
    reason = request.field("reason", str, "")
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise InvalidRequest(
            f"A reason is one line of up to {MAX_REASON} characters.", "Shorten it."
        )
    store = request.house.store
    running, queued = store.count(State.RUNNING), store.count(State.QUEUED)
    request.house.scheduler.hold(reason)
    return Reply("drained", {"running": running, "queued": queued})


def on_resume(request: Request) -> Reply:
    request.require_admin("resume the queue")
    queued = request.house.store.count(State.QUEUED)
    request.house.scheduler.resume()
    return Reply("resumed", {"queued": queued})


def on_reload(request: Request) -> Reply:
    if not request.peer.is_operator:
        raise AccessDenied("Only root may reload the daemon.", "Use `systemctl reload lipsyncd`.")
    return Reply("reloaded", {"detail": request.house.reloader.reload()})


def _cleanable(request: Request) -> list[Job]:
    """The job that is named, or every job of the client's that has ended."""
    if "job" in request.body:
        job = request.job()
        if not job.is_ended:
            raise JobNotEnded(f"{job}.", "Cancel it, or wait for it.")
        return [job]
    house = request.house
    found = (house.store.get(job) for job in house.history.ended(request.peer.uid))
    return [job for job in found if job]
