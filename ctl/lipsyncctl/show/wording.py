"""How errors, numbers and times read to a person."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def printable(text: object) -> str:
    """Text of others, unable to steer the terminal: a file name may hold anything."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text)
    )


def sentence(error: Mapping[str, Any]) -> str:
    """An error as one line: what happened, what to do next, and when."""
    later = error.get("retry_after_ms")
    attempt = f"Try again in {roughly(max(later / 1000, 1))}." if later else ""
    return printable(" ".join(filter(None, (error["message"], error["hint"], attempt))))


def size(count: int) -> str:
    """Bytes, in the largest unit that fits: 9 bytes, 12.4 MiB"""
    fits = next(((unit, name) for unit, name in SIZES if count >= unit), None)
    return f"{count / fits[0]:.1f} {fits[1]}" if fits else f"{count} bytes"


def roughly(seconds: float) -> str:
    """One number in the largest unit of which there are about two: 12 s, 90 s, 3 min, 5 h, 2 d."""
    size, unit = next((each for each in UNITS if seconds >= 1.9 * each[0]), UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def exactly(seconds: float) -> str:
    """All of it: 1 h 30 min"""
    parts, left = [], seconds
    for size, unit in UNITS[:-1]:
        count, left = divmod(left, size)
        parts += [f"{count:.0f} {unit}"] if count else []
    return " ".join(parts + ([f"{left:g} s"] if left else []))


def clock(moment: float) -> str:
    """Unix seconds as the clock here shows them, and how far it is ahead of UTC."""
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ... 11th, ... 21st"""
    is_teen = number % 100 in range(11, 14)
    return f"{number}{'th' if is_teen else ORDINALS.get(number % 10, 'th')}"


def drained(reply: Mapping[str, Any]) -> str:
    """What a drain stops and what it does not."""
    counts = f"{reply['running']} running, {reply['queued']} queued"
    return f"drained: no job is taken or started until `lipsyncctl resume`; {counts}"


def resumed(reply: Mapping[str, Any]) -> str:
    """What goes on."""
    return f"resumed: jobs are taken and started again; {reply['queued']} queued"


def going(jobs: Sequence[Mapping[str, Any]]) -> str:
    """What a clean takes: 3 jobs, 1.2 GiB; the results of 2 of them were never fetched."""
    plural = "" if len(jobs) == 1 else "s"
    if not jobs:
        return "There is nothing to remove."
    alone = [job for job in jobs if job["state"] == "succeeded" and not job.get("fetched_at")]
    there = [job for job in alone if job["spool_bytes"]]
    words = f"{len(jobs)} job{plural}, {size(sum(job['spool_bytes'] for job in jobs))}"
    if not there:
        return f"{words}."
    whose = "its result was" if len(jobs) == 1 else f"the results of {len(there)} of them were"
    return f"{words}; {whose} never fetched."


def cleaned(reply: Mapping[str, Any]) -> str:
    """How much went."""
    plural = "" if reply["jobs"] == 1 else "s"
    return f"{reply['jobs']} job{plural} removed, {size(reply['bytes'])}"


def columns(parts: Mapping[str, object], room: int | None = None) -> str:
    """Names and values in two columns, without those that say nothing.

    In `room` columns, if that is said: what is too long goes on below its beginning.
    """
    shown = {name: printable(value) for name, value in parts.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    lines = [f"{name:{width}}  {value}" for name, value in shown.items()]
    return "\n".join(lines if room is None else [hung(line, width + 2, room) for line in lines])


def hung(line: str, indent: int, room: int) -> str:
    """A line that is too long goes on so far to the right; a word that does not fit stays whole."""
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(line, max(room, indent + 20), subsequent_indent=" " * indent, **whole)
