"""Every change of a job's state, once and in order, to whoever has asked for them."""

import math
import time
from collections.abc import Sequence
from typing import NoReturn

from lipsyncd.errors import EventsGone
from lipsyncd.queue.store.history import Event
from lipsyncd.queue.updates import Subscription
from lipsyncd.server.request import Request

BATCH = 100  # events read from the store at once
PAUSE = 0.1  # seconds between two looks into the store, while there is nothing but progress
SILENCE = 10.0  # seconds: at least one event in that time


def on_follow(request: Request) -> NoReturn:
    """Ends when the client leaves, or with EventsGone if it is so slow that it would miss some."""
    history = request.controlplane.history
    since = request.field("since", int, newest := history.seq())
    if since > newest:
        raise EventsGone(
            f"There is no change {since} yet, and {newest} is the newest.",
            "Look at the jobs, then follow from there.",
        )
    job = request.job().id if "job" in request.body else None
    with request.controlplane.updates.subscribe(job) as subscription:
        _follow(request, subscription, since, job)


def _follow(request: Request, subscription: Subscription, since: int, job: str | None) -> NoReturn:
    history, owner, idle_due = request.controlplane.history, request.owner, -math.inf
    while True:
        subscription.take()  # before the look, so that whatever comes after it wakes us
        looked_at, newest = time.monotonic(), history.seq()
        events = history.events(since, owner, job, BATCH)
        _refuse_gap(since, history.oldest(owner))  # after: what goes now was among them
        if (shown := _shown(request, events)) < len(events):
            newest = events[shown].seq - 1
            del events[shown:]
        _tell(request, events)
        if len(events) == BATCH:
            since = events[-1].seq
            continue
        since = max([since, newest, *(each.seq for each in events)])
        is_due = looked_at >= idle_due and request.stream.has_room
        if is_due:  # the first one ends the backlog
            request.stream.tell("idle", {"seq": since})
        if is_due or (events and idle_due > -math.inf):
            idle_due = looked_at + SILENCE
        request.stream.wait(subscription, idle_due - time.monotonic())
        request.stream.wait(None, looked_at + PAUSE - time.monotonic())


def _shown(request: Request, events: Sequence[Event]) -> int:
    """How many come before the first that is not shown yet: who is told can rely on the files."""
    history, updates = request.controlplane.history, request.controlplane.updates
    for count, each in enumerate(events):
        running = updates.newest(each.job)
        if running is not each.job and each.seq == history.unshown(running):
            return count
    return len(events)


def _tell(request: Request, events: Sequence[Event]) -> None:
    """None is dropped: the store keeps them for as long as the client does not read."""
    for each in events:
        while not request.stream.has_room:
            request.stream.wait(for_room=True)
        fields = {"seq": each.seq, "at": each.at, "job": each.job.as_map()}
        request.stream.tell("happened", fields)


def _refuse_gap(since: int, oldest: int) -> None:
    if since < oldest:
        raise EventsGone(
            f"The events up to {oldest} are gone.", "Look at the jobs, then follow from there."
        )
