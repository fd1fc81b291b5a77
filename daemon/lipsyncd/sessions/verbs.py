"""What a client can ask for: one handler per verb, from a request to its reply."""

import math
import os
import select
import time
from collections.abc import Callable

from lipsyncd import __version__
from lipsyncd.errors import (
    AccessDenied,
    InvalidRequest,
    JobEnded,
    JobNotEnded,
    NoResult,
    VersionMismatch,
)
from lipsyncd.host.events import JOB_ACCEPTED, emit
from lipsyncd.host.status import Condition
from lipsyncd.jobs.board import Watch
from lipsyncd.jobs.job import Job, Options, State, new_job
from lipsyncd.sessions.request import ROOT, HungUp, Reply, Request
from lipsyncd.wire import VERSIONS

MAX_LISTED = 200  # jobs in one reply, which has to fit into a message
MAX_NAME = 255  # characters of a file's name
EVENT_PAUSE = 0.1  # seconds: at most ten events in each
EVENT_SILENCE = 10.0  # seconds: at least one event in that time


def on_hello(request: Request) -> Reply:
    offered = request.field("versions", list)
    request.field("client", str)
    if len(offered) != 2 or not all(type(version) is int for version in offered):
        raise InvalidRequest("versions is not the oldest and the newest.", "Send two numbers.")
    version = min(offered[1], VERSIONS[1])
    if version < max(offered[0], VERSIONS[0]):
        raise VersionMismatch(
            f"The client speaks versions {offered[0]} to {offered[1]}, the daemon {VERSIONS[0]} "
            f"to {VERSIONS[1]}.",
            "Install lipsyncctl and lipsyncd of the same version.",
        )
    state = str(request.house.status.condition)
    return Reply("welcomed", {"version": version, "server": __version__, "state": state})


def on_submit(request: Request) -> Reply:
    """On return the job is on disk for good: its inputs first, then its place in the queue."""
    house = request.house
    face, voice = _file_name(request, "face"), _file_name(request, "voice")
    job = new_job(request.peer.uid, face, voice, Options.from_map(request.body.get("options", {})))
    house.scheduler.check_open()
    house.spool.admit(job.id, *request.descriptors)
    try:
        house.scheduler.enqueue(job)
    except BaseException:
        house.spool.discard(job.id)
        raise
    _tell_accepted(request, job)
    return Reply("accepted", {"job": job.as_map()})


def on_list(request: Request) -> Reply:
    limit = request.field("limit", int, MAX_LISTED)
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidRequest(f"limit is from 1 to {MAX_LISTED}.", "Ask for fewer jobs.")
    owner = None if request.peer.uid == ROOT else request.peer.uid
    jobs = request.house.store.newest(owner, limit)
    return Reply("listed", {"jobs": [request.house.board.newest(job).as_map() for job in jobs]})


def on_status(request: Request) -> Reply:
    return Reply("described", {"job": request.job().as_map()})


def on_wait(request: Request) -> Reply:
    wants_progress = request.field("progress", bool, False)
    with request.house.board.watch(request.field("job", str)) as watch:
        ended = _end_of(request, watch, request.job(), wants_progress)
    return Reply("finished", {"job": ended.as_map()})


def on_fetch(request: Request) -> Reply:
    job = request.job()
    if not job.is_ended:
        raise JobNotEnded(f"The job is {job.state}.", "Wait for it first.")
    if job.state is not State.SUCCEEDED:
        raise NoResult(f"The job {job.state}, so it has no result.", "lipsyncctl status says why.")
    fields = {"job": job.as_map(), "size": job.result_bytes}
    return Reply("fetched", fields, request.house.spool.open_result(job.id))


def on_cancel(request: Request) -> Reply:
    with request.house.board.watch(request.field("job", str)) as watch:
        job = request.job()
        request.house.scheduler.cancel(job.id)
        ended = _end_of(request, watch, job, wants_progress=False)
    if ended.state is not State.CANCELLED:
        raise JobEnded(f"The job {ended.state} before it could be cancelled.", "Look at it.")
    return Reply("cancelled", {"job": ended.as_map()})


def on_health(request: Request) -> Reply:
    status, store = request.house.status, request.house.store
    fields = {
        "state": str(status.condition),
        "ready": status.condition is Condition.READY,
        "device": status.models.get("device"),
        "detail": status.detail or status.models.get("fallback", ""),
        "queued": store.count(State.QUEUED),
        "running": store.count(State.RUNNING),
    }
    return Reply("reported", fields)


def on_info(request: Request) -> Reply:
    return Reply(
        "informed", {**request.house.status.describe(), "version": __version__, "pid": os.getpid()}
    )


def on_reload(request: Request) -> Reply:
    if request.peer.uid not in (ROOT, os.geteuid()):
        raise AccessDenied("Only root may reload the daemon.", "Use `systemctl reload lipsyncd`.")
    return Reply("reloaded", {"detail": request.house.reloader.reload()})


VERBS: dict[str, Callable[[Request], Reply]] = {
    "hello": on_hello,
    "submit": on_submit,
    "list": on_list,
    "status": on_status,
    "wait": on_wait,
    "fetch": on_fetch,
    "cancel": on_cancel,
    "health": on_health,
    "info": on_info,
    "reload": on_reload,
}
DESCRIPTORS = {"submit": 2}  # how many come with a request; none with the others


def _tell_accepted(request: Request, job: Job) -> None:
    queued = request.house.store.count(State.QUEUED)
    text = "job %s: accepted, %s + %s, %d queued"
    client = {"PEER_PID": request.peer.pid, "REQUEST_ID": request.number, "QUEUE_DEPTH": queued}
    emit(JOB_ACCEPTED, text, job.id, job.face, job.voice, queued, job=job, **client)


def _file_name(request: Request, field: str) -> str:
    """A name for display; nothing is ever opened by it."""
    name = request.field(field, str)
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidRequest(f"{field} is not a file's name.", "Send its last part.")
    return name


def _end_of(request: Request, watch: Watch, job: Job, wants_progress: bool) -> Job:
    """Wait until the job has ended, and tell the client how it fares until then."""
    told_at, due = -math.inf, time.monotonic()
    while not job.is_ended:
        now = time.monotonic()
        if wants_progress and now >= due:
            request.tell("progressed", {"job": job.as_map()})
            told_at, due = now, now + EVENT_SILENCE
        newer = _change(request, watch, due - now if wants_progress else None)
        if newer:
            job, due = newer, min(due, told_at + EVENT_PAUSE)
    return job


def _change(request: Request, watch: Watch, seconds: float | None) -> Job | None:
    """The job after its next change, None if there is none in time; HungUp if somebody did."""
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    poll.register(request.line, select.POLLRDHUP)
    timeout = None if seconds is None else math.ceil(max(seconds, 0) * 1000)
    found = dict(poll.poll(timeout))
    newer = watch.take()  # news first: the last ones may be what is waited for
    if newer is None and request.line in found:
        raise HungUp
    return newer
