"""Jobs in columns, which fit onto the terminal: names of files are cut, and columns left out."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from lipsyncctl.client.told import Columns, Told, by_field
from lipsyncctl.show.grid import GAP, Texts, Widths, grid, widest
from lipsyncctl.show.job import Job, advance, ago, is_for_other, special_priority, user_of
from lipsyncctl.show.wording import clock, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SHORTEST_NAME = 8  # columns that a name of a file has at least
MINUTE = 16  # characters of a time up to its minute
NAMES = ("FACE", "VOICE")
LONGEST = {"USER": 20}  # columns that it has at most, where there is not room for everything
SPARE = (
    "VOICE",
    "AGE",
    "FACE",
)  # headings that a narrow terminal does without, the first ones first

OWNER = "owner", "user", "label"
STATE = "state", "priority"
PROGRESS = "state", "done", "total", "fps", "held", "after", "position", "eta"
# what has to be known of jobs
FIELDS = tuple(dict.fromkeys(("id", *OWNER, *STATE, *PROGRESS, "face", "voice", "created_at")))


def table(jobs: Sequence[Job], room: int | None = None, by_clock: bool = False) -> str:
    """Jobs under their headings, in `room` columns; and whom they are for, if not all the caller.

    `by_clock`: when they were accepted instead of how long ago that was.
    """
    return table_of(by_field(jobs, FIELDS), room, by_clock)


def table_of(jobs: Columns, room: int | None = None, by_clock: bool = False) -> str:
    """The same of these FIELDS of them."""
    has_others = any(alike(jobs, OWNER, is_for_other))
    wanted = {"USER": has_others, "AGE": not by_clock, "ACCEPTED": by_clock}
    texts = {
        heading: [heading, *column(jobs)]
        for heading, column in HEADINGS.items()
        if wanted.get(heading, True)
    }
    widths = {heading: widest(column) for heading, column in texts.items()}
    return grid(texts, widths if room is None else fitted(widths, room))


def alike(jobs: Columns, names: Sequence[str], words: "Callable[[Told], Any]") -> "Iterable[Any]":
    """What is said of each job; it is found once for all that are alike in these fields."""
    keys = [*zip(*itemgetter(*names)(jobs), strict=True)]
    said = {key: words(dict(zip(names, key, strict=True))) for key in {*keys}}
    return map(said.__getitem__, keys)


def all_printable(texts: Texts) -> Texts:
    """Texts of others, unable to steer the terminal."""
    return texts if "".join(texts).isprintable() else [*map(printable, texts)]


def state(job: Job) -> str:
    """The state, and beside it the priority, if it is a special one."""
    priority = special_priority(job)
    return f"{job['state']} ({priority})" if priority else job["state"]


HEADINGS: dict[str, Callable[[Columns], Iterable[str]]] = {  # with what is below them
    "ID": itemgetter("id"),
    "USER": lambda jobs: alike(jobs, OWNER, lambda job: printable(user_of(job))),
    "STATE": lambda jobs: alike(jobs, STATE, state),
    "PROGRESS": lambda jobs: alike(jobs, PROGRESS, advance),
    "FACE": lambda jobs: all_printable(jobs["face"]),
    "VOICE": lambda jobs: all_printable(jobs["voice"]),
    "AGE": lambda jobs: map(ago, jobs["created_at"]),
    "ACCEPTED": lambda jobs: [clock(moment)[:MINUTE] for moment in jobs["created_at"]],
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
