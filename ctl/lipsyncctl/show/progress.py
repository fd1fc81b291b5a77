"""How far a job is, on stderr: one line redrawn on a terminal, elsewhere a line now and then."""

import os
import time
from typing import Self, TextIO

from lipsyncctl.show.job import Job, percentage, place, rate, seconds_left
from lipsyncctl.show.notices import Notices

CELLS, FEWEST_CELLS = 24, 6  # of the bar: usually, and on a narrow terminal
PAUSE = 5.0  # seconds between two plain lines, so that the log of a long job stays short
DRIFT = 0.25  # of the time until a job starts: what is worth another line
CLEAR = "\r\033[K"


class ProgressLine(Notices):
    """Shows a job as often as it is given; on a terminal it leaves no trace at its end."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        # a dumb one cannot clear a line
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.is_drawn = False  # there is a line to be cleared before another one
        self.shown: Job | None = None  # in the last plain line
        self.paused = ""
        self.due = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, job: Job) -> None:
        """How far the job is now, and before that whether the queue has stopped or goes on."""
        reason = job.get("paused") or ""
        if reason != self.paused:
            self.paused = reason
            self.notice(reason or "The queue goes on.")
        if self.is_terminal:
            columns = os.get_terminal_size(self.stream.fileno()).columns or 80
            self.is_drawn = True
            self.write(CLEAR + bar(job, self.stream.encoding, columns - 1))
        elif self.is_news(job):
            self.shown, self.due = job, time.monotonic() + PAUSE
            self.write(f"lipsyncctl: job {job['id']}: {plain(job)}\n")

    def is_news(self, job: Job) -> bool:
        """Whether a plain line is due. A new state is shown at once."""
        if self.shown is None or job["state"] != self.shown["state"]:
            return True
        return time.monotonic() >= self.due and has_moved(self.shown, job)

    def notice(self, words: str) -> None:
        """It comes before what is drawn."""
        self.clear()
        super().notice(words)

    def clear(self) -> None:
        """Nothing is drawn any more."""
        if self.is_drawn:
            self.write(CLEAR)
            self.is_drawn = False


def has_moved(then: Job, now: Job) -> bool:
    """Whether a job is further than it was, or is to start at quite another time."""
    if then["done"] != now["done"] or then.get("position") != now.get("position"):
        return True
    before, after = then.get("eta"), now.get("eta")
    if before is None or after is None:
        return before != after
    return place(then) != place(now) and abs(after - before) > DRIFT * before


def plain(job: Job) -> str:
    """running, 125 of 250 frames, 59 fps; or queued, 3rd, in 2 min"""
    count = f"{job['done']} of {job['total']} frames" if job["total"] else ""
    return ", ".join(filter(None, (job["state"], place(job), count))) + rate(job)


def bar(job: Job, encoding: str, room: int) -> str:
    """━━━━━━╌╌╌╌╌╌  50 %  125/250 frames, 59 fps, 0:02 left; in words until frames are counted

    Where that is too long for the room the bar is shorter, or it and the frames are left out.
    """
    if not job["total"]:
        return f"{plain(job)} ..."[:room]
    count = f"  {job['done']}/{job['total']} frames"
    words = f"{percentage(job):>5}{count}{rate(job)}{time_left(job)}"
    cells = min(CELLS, room - len(words) - 1)
    if cells < FEWEST_CELLS:
        words = words if len(words) <= room else words.replace(count, "", 1)
        return words.lstrip()[:room]
    full, empty = "━╌" if encoding.lower().startswith("utf") else "#."
    filled = cells * job["done"] // job["total"]
    return f"{full * filled}{empty * (cells - filled)} {words}"


def time_left(job: Job) -> str:
    """The time to go after a comma, or nothing if the rate is not known."""
    left = seconds_left(job)
    if left is None:
        return ""
    minutes, seconds = divmod(round(left), 60)
    return f", {minutes}:{seconds:02} left"
