"""How errors, numbers and times read to a person."""

from collections.abc import Sequence

from lipsyncctl.client.told import Told

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def printable(text: object) -> str:
    """Text of others, unable to steer the terminal: a file name may hold anything."""
    said = str(text)
    if said.isprintable():
        return said
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in said)


def sentence(error: Told) -> str:
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
    size, unit = UNITS[-1]
    for each in UNITS:
        if seconds >= 1.9 * each[0]:
            size, unit = each
            break
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
    from datetime import datetime  # noqa: PLC0415  # most answers have no times by the clock

    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ... 11th, ... 21st"""
    is_teen = number % 100 in range(11, 14)
    return f"{number}{'th' if is_teen else ORDINALS.get(number % 10, 'th')}"


def drained(reply: Told) -> str:
    """What a drain stops and what it does not."""
    counts = f"{reply['running']} running, {reply['queued']} queued"
    return f"drained: no job is taken or started until `lipsyncctl resume`; {counts}"


def resumed(reply: Told) -> str:
    """What goes on."""
    return f"resumed: jobs are taken and started again; {reply['queued']} queued"


def going(jobs: Sequence[Told]) -> str:
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


def cleaned(reply: Told) -> str:
    """How much went."""
    plural = "" if reply["jobs"] == 1 else "s"
    return f"{reply['jobs']} job{plural} removed, {size(reply['bytes'])}"


def summed(message: Told) -> str:
    """A batch: 4 succeeded, 1 failed, 2 not handed in; 3 results were there already."""
    words = {
        "succeeded": "succeeded",
        "failed": "failed",
        "waiting": "not waited for",
        "left": "not handed in",
    }
    counts = [f"{message[name]} {said}" for name, said in words.items() if message[name]]
    kept = message["kept"]
    there = f"{kept} result{' was' if kept == 1 else 's were'} there already" if kept else ""
    return f"{'; '.join(filter(None, (', '.join(counts), there))) or 'nothing to do'}."
