"""Jobs in columns, which fit onto the terminal: names of files are cut, and columns left out."""

from collections.abc import Sequence

from lipsyncctl.show.grid import GAP, Widths, line, width
from lipsyncctl.show.job import Job, advance, age, is_for_other, special_priority, user_of
from lipsyncctl.show.wording import clock, printable

HEADINGS = ("ID", "USER", "STATE", "PROGRESS", "FACE", "VOICE", "AGE", "ACCEPTED")
SHORTEST_NAME = 8  # columns that a name of a file has at least
MINUTE = 16  # characters of a time up to its minute
NAMES = ("FACE", "VOICE")
LONGEST = {"USER": 20}  # columns that it has at most, where there is not room for everything
SPARE = (
    "VOICE",
    "AGE",
    "FACE",
)  # headings that a narrow terminal does without, the first ones first


def table(jobs: Sequence[Job], room: int | None = None, by_clock: bool = False) -> str:
    """Jobs under their headings, in `room` columns; and whom they are for, if not all the caller.

    `by_clock`: when they were accepted instead of how long ago that was.
    """
    has_others = any(map(is_for_other, jobs))
    wanted = {"USER": has_others, "AGE": not by_clock, "ACCEPTED": by_clock}
    headings = {name: name for name in HEADINGS if wanted.get(name, True)}
    rows = [headings, *map(row, jobs)]
    widths = {name: max(width(row[name]) for row in rows) for name in headings}
    if room is not None:
        widths = fitted(widths, room)
    return "\n".join(line(row, widths) for row in rows)


def row(job: Job) -> dict[str, str]:
    """A job by heading; beside its state its priority, if it is a special one."""
    priority = special_priority(job)
    return {
        "ID": job["id"],
        "USER": printable(user_of(job)),
        "STATE": f"{job['state']} ({priority})" if priority else job["state"],
        "PROGRESS": advance(job),
        "FACE": printable(job["face"]),
        "VOICE": printable(job["voice"]),
        "AGE": age(job),
        "ACCEPTED": clock(job["created_at"])[:MINUTE],
    }


def fitted(widths: Widths, room: int) -> Widths:
    """The names get what the others leave; a short one leaves its part to the long one."""
    widths = {name: min(size, LONGEST.get(name, size)) for name, size in widths.items()}
    for spare in SPARE:
        if least(widths) <= room:
            break
        widths = {name: size for name, size in widths.items() if name != spare}
    face, voice = (widths.get(name, 0) for name in NAMES)
    left = room - sum(size for name, size in widths.items() if name not in NAMES)
    left -= len(GAP) * (len(widths) - 1)
    face = min(face, max(left // 2, left - voice))
    return widths | {
        name: size
        for name, size in zip(NAMES, (face, min(voice, left - face)), strict=True)
        if name in widths
    }


def least(widths: Widths) -> int:
    """The columns that a line takes with names as short as they may be."""
    short = (min(size, SHORTEST_NAME) if name in NAMES else size for name, size in widths.items())
    return sum(short) + len(GAP) * (len(widths) - 1)
