"""How a job reads to a person: whole, in lines."""

import time

from lipsyncctl.client.key import is_made_up
from lipsyncctl.show.fields import fields
from lipsyncctl.show.job import Job, ago, frames, is_for_other, prospect, special_priority, user_of
from lipsyncctl.show.wording import clock, exactly, roughly, sentence, size
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.state import ENDED


def description(job: Job, room: int | None = None, by_clock: bool = False) -> str:
    """All there is to know about a job, in lines of `room` columns; what it has not is left out.

    `by_clock`: when things happened instead of how long ago that was.
    """

    def when(moment: float | None) -> str | None:
        if not moment:
            return None
        return clock(moment) if by_clock else f"{ago(moment)} ago"

    return fields(
        {
            "job": job["id"],
            "state": job["state"],
            "user": user_of(job) if is_for_other(job) else None,
            "host": job.get("host"),
            "place": prospect(job),
            "face": job["face"],
            "voice": job["voice"],
            "options": ", ".join(chosen(job)) or "the usual",
            "accepted": when(job["created_at"]),
            **terms(job),
            "render": frames(job) if job["total"] and job["started_at"] else None,
            "attempts": job["attempts"] or None,
            "notes": " ".join(job.get("notes") or []) or None,
            "retry of": job.get("retry_of"),
            "redo of": job.get("redo_of"),
            "fetched": when(job.get("fetched_at")),
            "result": size(job["result_bytes"]) if job["result_bytes"] else None,
            "error": sentence(job["error"]) if job["error"] else None,
        },
        room,
    )


def chosen(job: Job) -> list[str]:
    """Its options that are not the usual ones: crf 20"""
    usual = Options().as_map()
    return [f"{name} {value}" for name, value in job["options"].items() if value != usual.get(name)]


def terms(job: Job) -> dict[str, object]:
    """When the job is to be rendered, and when not any more."""
    runtime, key = job.get("max_runtime"), job.get("key") or ""
    return {
        "priority": special_priority(job),
        "key": "" if is_made_up(key) else key,
        "after": job.get("after"),
        "expires": expiry(job),
        "max runtime": exactly(runtime) if runtime else None,
    }


def expiry(job: Job) -> str:
    """The moment after which a job is of no use, and how far off it is."""
    moment = job.get("expires_at")
    if moment is None:
        return ""
    left = moment - time.time()
    is_due = left > 0 and job["state"] not in ENDED
    return clock(moment) + (f", in {roughly(left)}" if is_due else "")
