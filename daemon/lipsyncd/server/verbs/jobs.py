"""What there is: jobs, their results, and the daemon itself. Nothing here changes anything."""

import os

from lipsyncd import __version__
from lipsyncd.errors import InvalidRequest, JobNotEnded, NoResult
from lipsyncd.protocol.job import State
from lipsyncd.server.request import Reply, Request, placed
from lipsyncd.system.status import Condition

MAX_LISTED = 200  # jobs in one reply, which has to fit into a message


def on_list(request: Request) -> Reply:
    limit = request.field("limit", int, MAX_LISTED)
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidRequest(f"limit is from 1 to {MAX_LISTED}.", "Ask for fewer jobs.")
    before = request.job("before").id if "before" in request.body else None
    jobs = request.house.history.newest(request.owner, limit, before)
    newest = [request.house.board.newest(job) for job in jobs]
    return Reply("listed", {"jobs": placed(request.house, newest)})


def on_status(request: Request) -> Reply:
    history = request.house.history
    seq = history.seq()  # before the job, so that following from it misses nothing
    job = request.job()
    if unshown := history.unshown(job):
        seq = min(seq, unshown - 1)
    return Reply("described", {"job": placed(request.house, [job])[0], "seq": seq})


def on_fetch(request: Request) -> Reply:
    job = request.job()
    if not job.is_ended:
        raise JobNotEnded(f"{job}.", "Wait for it first.")
    if job.state is not State.SUCCEEDED:
        raise NoResult(
            f"{job}, so it has no result.", "Its status tells why, as `lipsyncctl status` does."
        )
    fields = {"job": job.as_map(), "size": job.result_bytes}
    return Reply("fetched", fields, request.house.spool.open_result(job.id))


def on_health(request: Request) -> Reply:
    status, store = request.house.status, request.house.store
    fields = {
        "state": str(status.condition),
        "ready": status.condition is Condition.READY,
        "device": status.models.get("device"),
        "detail": status.detail or status.models.get("fallback", ""),
        "paused": request.house.scheduler.paused,
        "queued": store.count(State.QUEUED),
        "running": store.count(State.RUNNING),
    }
    return Reply("reported", fields)


def on_info(request: Request) -> Reply:
    house = request.house
    own = {"version": __version__, "pid": os.getpid(), "paused": house.scheduler.paused}
    return Reply("informed", {**house.status.describe(), **own})
