"""How a job reads to a person: in a few words, or in a sentence."""

import os
import pwd
import time
from collections.abc import Sequence
from operator import itemgetter

from lipsyncctl.client.told import Told
from lipsyncctl.show.wording import (
    clock,
    ordinal,
    printable,
    roughly,
    sentence,
)
from lipsyncd.protocol.state import ENDED

Job = Told


def ago(moment: float) -> str:
    """How long ago that was."""
    return roughly(max(time.time() - moment, 0))


def percentage(job: Job) -> str:
    """50 %, or nothing while the frames are not counted"""
    return f"{100 * job['done'] // job['total']} %" if job["total"] else ""


def advance(job: Job) -> str:
    """How far a job is: 3rd, in 2 min; or 50 %, 12 s left; or 100 %. Nothing if it failed."""
    if job["state"] == "queued":
        return place(job)
    if job["state"] == "running":
        seconds = seconds_left(job) or 0
        return percentage(job) + (f", {roughly(seconds)} left" if seconds >= 1 else "")
    return percentage(job) if job["state"] == "succeeded" else ""


def seconds_left(job: Job) -> float | None:
    """What the render still takes, None while that is not known."""
    return (job["total"] - job["done"]) / job["fps"] if job["total"] and job["fps"] else None


def rate(job: Job) -> str:
    """The frames a second after a comma, or nothing while they are not known."""
    return f", {job['fps']:.0f} fps" if job["fps"] else ""


def frames(job: Job) -> str:
    """The render in numbers: 250 frames (a face in 180) in 4.2 s, 59 fps"""
    part = f"{job['done']} of " if job["done"] < job["total"] else ""
    faces = f" (a face in {job['faces']})" if job["faces"] < job["done"] else ""
    ended = time.time() if job["ended_at"] is None else job["ended_at"]
    seconds = max(ended - job["started_at"], 0)
    return f"{part}{job['total']} frames{faces} in {seconds:.1f} s{rate(job)}"


def place(job: Job) -> str:
    """Where a job is in the queue, and when it starts if that is known: 3rd, in 2 min; or held"""
    if job["state"] == "queued" and job.get("held"):
        return "held"
    position, seconds = job.get("position"), job.get("eta")
    if job["state"] == "queued" and job.get("after") and not position:
        return f"after {job['after']}"
    if not position:
        return ""
    if seconds is None:
        return ordinal(position)
    return f"{ordinal(position)}, {f'in {roughly(seconds)}' if seconds >= 1 else 'soon'}"


def prospect(job: Job) -> str:
    """The place, and why the queue does not move: 3rd, once it goes on (The queue is drained.)"""
    pause = f", once it goes on ({job['paused']})" if job.get("paused") else ""
    return f"{place(job)}{pause}" if place(job) else ""


def fate(job: Job, is_back: bool = False) -> str:
    """The state, and when it starts, how well it went, or why it went wrong.

    `is_back`: if it is queued, it was so before. A stop of the daemon takes its attempt back.
    """
    cut = ", its render was cut short" if job["attempts"] else ""
    again = f" again{cut}" if is_back and job["state"] == "queued" else ""
    count = frames(job) if job["state"] == "succeeded" else ""
    words = ", ".join(filter(None, (f"{job['state']}{again}", prospect(job), count)))
    reason = f". {sentence(job['error'])}" if job["state"] in ENDED and job["error"] else ""
    return printable(f"{words}{reason}")


def ending(job: Job) -> str:
    """How a job ended."""
    return f"job {job['id']}: {fate(job)}"


def event_line(message: Told, is_back: bool = False) -> str:
    """A change of a job's state: its number, the time, the job, the new state, and why."""
    job = message["job"]
    at = message.get("at") or job["ended_at"] or job["started_at"] or job["created_at"]
    return f"{message['seq']:>6}  {clock(at)}  {job['id']}  {fate(job, is_back)}"


def story(job: Job, changes: Sequence[Told], deeds: Sequence[Told] = ()) -> str:
    """What became of a job: each change of its state, and what people did to it while it waited, in
    a line, then its notes."""
    told, begun = [], 0
    for number, change in enumerate(changes):
        begun += change["state"] == "running"
        words = change["state"]
        if words == "queued":
            words = "back in the queue" if number else "accepted"
        elif words == "running":
            words = "rendering" if begun == 1 else f"rendering, attempt {begun}"
        elif number == len(changes) - 1:
            words = fate(job)
        told.append((change["at"], words))
    told += [(each["at"], deed(job, each)) for each in deeds]
    lines = [f"{clock(at)}  {words}" for at, words in sorted(told, key=itemgetter(0))]
    return "\n".join(map(printable, [*lines, *job.get("notes", ())]))


def deed(job: Job, done: Told) -> str:
    """What somebody did to a job, and who if it was not its owner: held by root"""
    who = "" if done["uid"] == job["owner"] else f" by {name_of(done['uid'])}"
    return f"{done['what']}{who}"


def special_priority(job: Job) -> str:
    """The priority, if it is not the one that most jobs have."""
    priority = job.get("priority", "normal")
    return "" if priority == "normal" else priority


def user_of(job: Job) -> str:
    """Whom it is for: a user of the system, behind a slash one of those for whom that one hands in
    jobs; in a farm users have names alone."""
    label = job.get("label")
    return job.get("user") or name_of(job["owner"]) + (f"/{label}" if label else "")


def name_of(uid: int) -> str:
    """The user's name, else the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)


def is_for_other(job: Job) -> bool:
    """Whether it is for somebody else than the caller."""
    return is_other(job["owner"]) or bool(job.get("label"))


def is_other(uid: int) -> bool:
    """Whether this user is not the caller."""
    return uid != os.getuid()
