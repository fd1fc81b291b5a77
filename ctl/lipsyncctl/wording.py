"""How jobs, errors and the daemon read to a person."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

HEADINGS = ("ID", "STATE", "DONE", "FACE", "VOICE", "AGE")
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def printable(text: object) -> str:
    """Text of others, unable to steer the terminal: a file name may hold anything."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text)
    )


def sentence(error: Mapping[str, object]) -> str:
    """An error as one line: what happened, then what to do next."""
    return printable(f"{error['message']} {error['hint']}".strip())


def age(job: dict[str, Any]) -> str:
    """How long ago the job was accepted, in the largest unit that fits: 12 s, 3 min, 5 h, 2 d."""
    seconds = max(time.time() - job["created_at"], 0)
    size, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    return f"{int(seconds / size)} {unit}"


def percentage(job: dict[str, Any]) -> str:
    """50 %, or nothing while the frames are not counted"""
    return f"{100 * job['done'] // job['total']} %" if job["total"] else ""


def pace(job: dict[str, Any]) -> str:
    """The frames a second after a comma, or nothing while they are not known."""
    return f", {job['fps']:.0f} fps" if job["fps"] else ""


def frames(job: dict[str, Any]) -> str:
    """The render in numbers: 250 frames (a face in 180) in 4.2 s, 59 fps"""
    part = f"{job['done']} of " if job["done"] < job["total"] else ""
    faces = f" (a face in {job['faces']})" if job["faces"] < job["done"] else ""
    ended = time.time() if job["ended_at"] is None else job["ended_at"]
    seconds = max(ended - job["started_at"], 0)
    return f"{part}{job['total']} frames{faces} in {seconds:.1f} s{pace(job)}"


def outcome(job: dict[str, Any]) -> str:
    """How a job ended, and why if it went wrong."""
    reason = f". {sentence(job['error'])}" if job["error"] else ""
    count = f", {frames(job)}" if job["state"] == "succeeded" else ""
    return f"job {job['id']}: {job['state']}{count}{reason}"


def table(jobs: Iterable[dict[str, Any]]) -> str:
    """Jobs in columns under HEADINGS."""
    rows = [HEADINGS, *(row(job) for job in jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, each, widths)).rstrip() for each in rows)


def row(job: dict[str, Any]) -> tuple[str, ...]:
    """A job under HEADINGS."""
    names = (printable(job["face"]), printable(job["voice"]))
    return (job["id"], job["state"], percentage(job), *names, age(job))


def description(job: dict[str, Any]) -> str:
    """All there is to know about a job, in lines; what it has not is left out."""
    chosen = ((name, value) for name, value in job["options"].items() if value is not None)
    return lines(
        {
            "job": job["id"],
            "state": job["state"],
            "face": job["face"],
            "voice": job["voice"],
            "options": ", ".join(f"{name} {value}" for name, value in chosen),
            "accepted": f"{age(job)} ago",
            "render": frames(job) if job["total"] and job["started_at"] else None,
            "attempts": job["attempts"] or None,
            "result": f"{job['result_bytes']} bytes" if job["result_bytes"] else None,
            "error": sentence(job["error"]) if job["error"] else None,
        }
    )


def condition(report: dict[str, Any]) -> str:
    """The daemon in a line: ready on cuda:0, 1 running, 3 queued"""
    where = f" on {report['device']}" if report["device"] else ""
    detail = f": {report['detail']}" if report["detail"] else ""
    counts = f", {report['running']} running, {report['queued']} queued"
    return printable(f"{report['state']}{where}{detail}{counts}")


def lines(parts: Mapping[str, object]) -> str:
    """Names and values in two columns, without those that say nothing."""
    shown = {name: printable(value) for name, value in parts.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    return "\n".join(f"{name:{width}}  {value}" for name, value in shown.items())
