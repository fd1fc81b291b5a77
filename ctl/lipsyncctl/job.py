"""How a job reads to a person: in a row, in a sentence, or whole."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from lipsyncctl.duration import exactly, roughly
from lipsyncctl.key import is_made_up
from lipsyncctl.wording import clock, lines, ordinal, printable, sentence, size
from lipsyncd.jobs.job import ENDED

HEADINGS = ("ID", "STATE", "PROGRESS", "FACE", "VOICE", "AGE")

Job = Mapping[str, Any]


def age(job: Job) -> str:
    """How long ago the job was accepted."""
    return roughly(max(time.time() - job["created_at"], 0))


def percentage(job: Job) -> str:
    """50 %, or nothing while the frames are not counted"""
    return f"{100 * job['done'] // job['total']} %" if job["total"] else ""


def pace(job: Job) -> str:
    """The frames a second after a comma, or nothing while they are not known."""
    return f", {job['fps']:.0f} fps" if job["fps"] else ""


def frames(job: Job) -> str:
    """The render in numbers: 250 frames (a face in 180) in 4.2 s, 59 fps"""
    part = f"{job['done']} of " if job["done"] < job["total"] else ""
    faces = f" (a face in {job['faces']})" if job["faces"] < job["done"] else ""
    ended = time.time() if job["ended_at"] is None else job["ended_at"]
    seconds = max(ended - job["started_at"], 0)
    return f"{part}{job['total']} frames{faces} in {seconds:.1f} s{pace(job)}"


def place(job: Job) -> str:
    """Where a job is in the queue, and when it starts if that is known: 3rd, in 2 min"""
    position, seconds = job.get("position"), job.get("eta")
    start = f", in {roughly(seconds)}" if seconds and seconds >= 1 else ""
    return f"{ordinal(position)}{start}" if position else ""


def fate(job: Job) -> str:
    """The state, and of a job that has ended how well it went or why it went wrong."""
    is_over = job["state"] in ENDED
    count = f", {frames(job)}" if job["state"] == "succeeded" else ""
    reason = f". {sentence(job['error'])}" if is_over and job["error"] else ""
    return f"{job['state']}{count}{reason}"


def outcome(job: Job) -> str:
    """How a job ended."""
    return f"job {job['id']}: {fate(job)}"


def happening(message: Mapping[str, Any]) -> str:
    """A change of a job's state: its number, the time, the job, the new state, and why."""
    job = message["job"]
    return f"{message['seq']:>6}  {clock(message['at'])}  {job['id']}  {fate(job)}"


def table(jobs: Iterable[Job]) -> str:
    """Jobs in columns under HEADINGS."""
    rows = [HEADINGS, *(row(job) for job in jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, each, widths)).rstrip() for each in rows)


def row(job: Job) -> tuple[str, ...]:
    """A job under HEADINGS; beside its state its priority, if it is a special one."""
    priority = special_priority(job)
    state = f"{job['state']} ({priority})" if priority else job["state"]
    names = (printable(job["face"]), printable(job["voice"]))
    return (job["id"], state, place(job) or percentage(job), *names, age(job))


def special_priority(job: Job) -> str:
    """The priority, if it is not the one that most jobs have."""
    priority = job.get("priority", "normal")
    return "" if priority == "normal" else priority


def description(job: Job) -> str:
    """All there is to know about a job, in lines; what it has not is left out."""
    chosen = ((name, value) for name, value in job["options"].items() if value is not None)
    return lines(
        {
            "job": job["id"],
            "state": job["state"],
            "place": place(job),
            "face": job["face"],
            "voice": job["voice"],
            "options": ", ".join(f"{name} {value}" for name, value in chosen),
            "accepted": f"{age(job)} ago",
            **terms(job),
            "render": frames(job) if job["total"] and job["started_at"] else None,
            "attempts": job["attempts"] or None,
            "crashes": job.get("crashes") or None,
            "retry of": job.get("retry_of"),
            "result": size(job["result_bytes"]) if job["result_bytes"] else None,
            "error": sentence(job["error"]) if job["error"] else None,
        }
    )


def terms(job: Job) -> dict[str, object]:
    """When the job is to be rendered, and when not any more."""
    runtime, key = job.get("max_runtime"), job.get("key") or ""
    return {
        "priority": special_priority(job),
        "key": "" if is_made_up(key) else key,
        "expires": expiry(job),
        "max runtime": exactly(runtime) if runtime else None,
    }


def expiry(job: Job) -> str:
    """The moment after which a job is of no use, and how far off it is."""
    moment = job.get("expires_at")
    if moment is None:
        return ""
    left = moment - time.time()
    is_ahead = left > 0 and job["state"] not in ENDED
    return clock(moment) + (f", in {roughly(left)}" if is_ahead else "")
