"""What keeps the daemon in order; most of it is for admins."""

from lipsyncd import __version__
from lipsyncd.errors import AccessDenied, InvalidRequest, VersionMismatch
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.protocol.values import Values
from lipsyncd.protocol.wire import HINT, VERSIONS
from lipsyncd.server.request import Reply, Request

MAX_REASON = 200  # characters
REASONS = Values(
    lambda reason: len(reason) <= MAX_REASON and reason.isprintable(),
    f"is one line of up to {MAX_REASON} characters",
    "Shorten it.",
)
OFFERS = Values(
    lambda versions: [*map(type, versions)] == [int, int],
    "is not the oldest and the newest",
    "Send two numbers.",
)


def on_hello(request: Request) -> Reply:
    offered = request.field("versions", list, values=OFFERS)
    request.field("client", str)
    version = min(offered[1], VERSIONS[1])
    if version < max(offered[0], VERSIONS[0]):
        raise VersionMismatch(
            f"The client speaks versions {offered[0]} to {offered[1]}, the daemon {VERSIONS[0]} "
            f"to {VERSIONS[1]}.",
            HINT,
        )
    state = request.controlplane.status.health().state
    return Reply("welcomed", {"version": version, "server": __version__, "state": state})


def on_clean(request: Request) -> Reply:
    """What is removed is the client's own, unless it names the jobs."""
    jobs, size = request.controlplane.retention.clean(_cleanable(request))
    return Reply("cleaned", {"jobs": jobs, "bytes": size})


def on_drain(request: Request) -> Reply:
    request.require_admin("drain the queue")
    reason = request.field("reason", str, "", REASONS)
    store = request.controlplane.store
    running, queued = store.count(State.RUNNING), store.count(State.QUEUED)
    request.controlplane.scheduler.hold(reason)
    return Reply("drained", {"running": running, "queued": queued})


def on_resume(request: Request) -> Reply:
    request.require_admin("resume the queue")
    queued = request.controlplane.store.count(State.QUEUED)
    request.controlplane.scheduler.resume()
    return Reply("resumed", {"queued": queued})


def on_reload(request: Request) -> Reply:
    if not request.peer.is_operator:
        raise AccessDenied("Only root may reload the daemon.", "Use `systemctl reload lipsyncd`.")
    return Reply("reloaded", {"detail": request.controlplane.reloader.reload()})


def _cleanable(request: Request) -> list[Job]:
    """The jobs that are named, or every job of the client's that has ended."""
    named = request.field("jobs", list, []) if "jobs" in request.body else None
    if "job" in request.body:
        named = [request.field("job", str), *(named or [])]
    if named is not None:
        if not all(isinstance(each, str) for each in named):
            raise InvalidRequest("jobs is not an array of ids.", HINT)
        return [request.job_of(each) for each in dict.fromkeys(map(request.whole_id, named))]
    controlplane = request.controlplane
    found = (controlplane.store.get(job) for job in controlplane.history.ended(request.peer.uid))
    return [job for job in found if job]
