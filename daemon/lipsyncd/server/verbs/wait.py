"""Until a job has ended: by itself, or because it is told to."""

import math
import time

from lipsyncd.errors import JobEnded
from lipsyncd.protocol.job import Job
from lipsyncd.protocol.state import State
from lipsyncd.queue.updates import Subscription
from lipsyncd.server.request import Reply, Request, with_position

EVENT_PAUSE = 0.1  # seconds: at most ten events in each
EVENT_SILENCE = 10.0  # seconds: at least one event in that time


def on_wait(request: Request) -> Reply:
    wants_progress = request.field("progress", bool, False)
    with request.controlplane.updates.subscribe(request.job_id()) as subscription:
        ended = _end_of(request, subscription, request.job(), wants_progress)
    return Reply("finished", {"job": ended.as_map()})


def on_cancel(request: Request) -> Reply:
    with request.controlplane.updates.subscribe(request.job_id()) as subscription:
        job = request.job()
        request.controlplane.scheduler.cancel(job.id)
        ended = _end_of(request, subscription, job, wants_progress=False)
    if ended.state is not State.CANCELLED:
        raise JobEnded(f"{ended} before it could be cancelled.", "Look at it.")
    return Reply("cancelled", {"job": ended.as_map()})


def _end_of(request: Request, subscription: Subscription, job: Job, wants_progress: bool) -> Job:
    """Wait until the job has ended, and tell the client how it fares until then.

    While the client does not read, what is told next is always the newest.
    """
    told_at, due = -math.inf, time.monotonic() if wants_progress else math.inf
    while not job.is_ended:
        now = time.monotonic()
        is_due = now >= due
        if is_due and request.stream.has_room:
            request.stream.tell(
                "progressed", {"job": with_position(request.controlplane, [job])[0]}
            )
            told_at, due, is_due = now, now + EVENT_SILENCE, False
        seconds = None if is_due or due == math.inf else due - now
        request.stream.wait(subscription, seconds, for_room=is_due)
        if newer := subscription.take():
            job, due = newer, min(due, told_at + EVENT_PAUSE) if wants_progress else math.inf
    return job
