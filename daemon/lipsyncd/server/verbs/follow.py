"""Every change of a job's state, once and in order, to whoever has asked for them."""

import math
import time
from collections.abc import Sequence
from typing import NoReturn

from lipsyncd.errors import EventsGone
from lipsyncd.queue.store.history import Happening
from lipsyncd.queue.updates import Watch
from lipsyncd.server.request import Request

BATCH = 100  # happenings read from the store at once
PAUSE = 0.1  # seconds between two looks into the store, while there is nothing but progress
SILENCE = 10.0  # seconds: at least one event in that time


def on_follow(request: Request) -> NoReturn:
    """Ends when the client leaves, or with EventsGone if it is so slow that it would miss some."""
    history = request.house.history
    since = request.field("since", int, newest := history.seq())
    if since > newest:
        raise EventsGone(
            f"There is no change {since} yet, and {newest} is the newest.",
            "Look at the jobs, then follow from there.",
        )
    job = request.job().id if "job" in request.body else None
    with request.house.board.watch(job) as watch:
        _follow(request, watch, since, job)


def _follow(request: Request, watch: Watch, since: int, job: str | None) -> NoReturn:
    history, owner, idle_due = request.house.history, request.owner, -math.inf
    while True:
        watch.take()  # before the look, so that whatever comes after it wakes us
        looked_at, newest = time.monotonic(), history.seq()
        happenings = history.happenings(since, owner, job, BATCH)
        _refuse_gap(since, history.oldest(owner))  # after: what goes now was among them
        if (shown := _shown(request, happenings)) < len(happenings):
            newest = happenings[shown].seq - 1
            del happenings[shown:]
        _tell(request, happenings)
        if len(happenings) == BATCH:
            since = happenings[-1].seq
            continue
        since = max([since, newest, *(each.seq for each in happenings)])
        is_due = looked_at >= idle_due and request.line.has_room
        if is_due:  # the first one ends the backlog
            request.line.tell("idle", {"seq": since})
        if is_due or (happenings and idle_due > -math.inf):
            idle_due = looked_at + SILENCE
        request.line.wait(watch, idle_due - time.monotonic())
        request.line.wait(None, looked_at + PAUSE - time.monotonic())


def _shown(request: Request, happenings: Sequence[Happening]) -> int:
    """How many come before the first that is not shown yet: who is told can rely on the files."""
    history, board = request.house.history, request.house.board
    for count, each in enumerate(happenings):
        running = board.newest(each.job)
        if running is not each.job and each.seq == history.unshown(running):
            return count
    return len(happenings)


def _tell(request: Request, happenings: Sequence[Happening]) -> None:
    """None is dropped: the store keeps them for as long as the client does not read."""
    for each in happenings:
        while not request.line.has_room:
            request.line.wait(for_room=True)
        fields = {"seq": each.seq, "at": each.at, "job": each.job.as_map()}
        request.line.tell("happened", fields)


def _refuse_gap(since: int, oldest: int) -> None:
    if since < oldest:
        raise EventsGone(
            f"The events up to {oldest} are gone.", "Look at the jobs, then follow from there."
        )
