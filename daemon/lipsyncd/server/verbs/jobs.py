"""What there is: jobs, their results, and the daemon itself. Nothing here changes anything."""

import os
from contextlib import suppress
from dataclasses import asdict
from functools import partial

from lipsyncd import __version__
from lipsyncd.errors import JobNotEnded, NoResult, StorageError
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.protocol.user import User
from lipsyncd.protocol.values import Values, whole
from lipsyncd.protocol.wire import HINT
from lipsyncd.server.columns import columns_of
from lipsyncd.server.request import Reply, Request, with_position
from lipsyncd.service.controlplane import STORE
from lipsyncd.system.disk import size_at

MAX_LISTED = 200  # jobs in one reply, which has to fit into a message
MAX_CHANGES = 1000  # of a job's state that are recounted, the first ones
LIMITS = whole(1, MAX_LISTED, kind="", hint="Ask for fewer jobs.")

NAMES = Values(lambda names: {*map(type, names)} <= {str}, "is not the names of fields", HINT)


def on_list(request: Request) -> Reply:
    limit = request.field("limit", int, MAX_LISTED, LIMITS)
    before = request.job("before").id if "before" in request.body else None
    controlplane, page = request.controlplane, (request.owner, limit, before, request.label)
    if fields := request.field("fields", list, [], NAMES):
        return Reply("listed", {"jobs": [], "columns": columns_of(controlplane, fields, page)})
    newest = [controlplane.updates.newest(job) for job in controlplane.history.newest(*page)]
    return Reply("listed", {"jobs": with_position(controlplane, newest), "columns": {}})


def on_status(request: Request) -> Reply:
    history = request.controlplane.history
    seq = history.seq()  # before the job, so that following from it misses nothing
    job = request.job()
    if unshown := history.unshown(job):
        seq = min(seq, unshown - 1)
    return Reply("described", {"job": with_position(request.controlplane, [job])[0], "seq": seq})


def on_fetch(request: Request) -> Reply:
    job = done(request.job())
    fields = {"job": job.as_map(), "size": job.result_bytes}
    result = request.controlplane.spool.open_result(job.id)
    if job.owner == request.peer.uid:
        with suppress(StorageError):  # to have it is more than to know that one has it
            request.controlplane.store.set_fetched(job.id)
    return Reply("fetched", fields, result)


def on_review(request: Request) -> Reply:
    """Beside it what is needed to tell how long each stage took."""
    job, controlplane = done(request.job()), request.controlplane
    voices, pictures = len(job.options.places), job.options.pictures
    go_on = partial(request.stream.wait, None, 0.0)
    with controlplane.spool.left(job.id, voices, pictures) as files:
        told = controlplane.preflights.review(User(request.peer.uid, job.label), job, files, go_on)
    fields = {"job": job.as_map(), "changes": changes_of(request, job)}
    return Reply("reviewed", {**fields, "size": os.fstat(told).st_size}, told)


def done(job: Job) -> Job:
    """A job that has a result.  Raises JobNotEnded, NoResult."""
    if not job.is_ended:
        raise JobNotEnded(f"{job}.", "Wait for it first.")
    if job.state is not State.SUCCEEDED:
        raise NoResult(
            f"{job}, so it has no result.", "Its status tells why, as `lipsyncctl status` does."
        )
    return job


def on_recount(request: Request) -> Reply:
    """Also for who may not read the journal."""
    job = request.job()
    deeds = [asdict(each) for each in request.controlplane.line.deeds(job.id)]
    changes = changes_of(request, job)
    return Reply("recounted", {"job": job.as_map(), "changes": changes, "deeds": deeds})


def changes_of(request: Request, job: Job) -> list[dict[str, object]]:
    """Each change of its state, the first ones, and when it was."""
    changes = request.controlplane.history.events(0, None, job.id, MAX_CHANGES)
    return [{"at": each.at, "state": str(each.job.state)} for each in changes]


def on_health(request: Request) -> Reply:
    status, store = request.controlplane.status, request.controlplane.store
    health, limits = status.health(), request.controlplane.live_config.config.limits
    fields = {
        "state": health.state,
        "ready": health.is_ready,
        "device": status.models.get("device"),
        "detail": status.detail or status.models.get("fallback", ""),
        "paused": request.controlplane.scheduler.paused,
        "queued": store.count(State.QUEUED),
        "held": request.controlplane.line.held(),
        "running": store.count(State.RUNNING),
        "devices": [*health.devices],
        "max_face_bytes": limits.max_face_bytes,
        "max_voice_bytes": limits.max_voice_bytes,
    }
    return Reply("reported", fields)


def on_measure(request: Request) -> Reply:
    """Of all users together."""
    controlplane = request.controlplane
    files = controlplane.store.files().values()
    taken = {
        "spool_bytes": sum(each.all for each in files),
        "store_bytes": size_at(controlplane.live_config.config.state / STORE) or 0,
        "watchdog_margin": controlplane.heartbeat.least_margin,
    }
    return Reply("measured", {**controlplane.updates.tally(), **taken})


def on_models(request: Request) -> Reply:
    controlplane = request.controlplane
    config = controlplane.live_config.config
    models = controlplane.listing.models(config)
    return Reply("catalogued", {"folder": str(config.checkpoint.parent), "models": models})


def on_info(request: Request) -> Reply:
    controlplane = request.controlplane
    own = {"version": __version__, "pid": os.getpid(), "paused": controlplane.scheduler.paused}
    return Reply("informed", {**controlplane.status.describe(), **own})
