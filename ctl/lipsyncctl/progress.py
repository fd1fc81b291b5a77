"""How far a job is, on stderr: one line redrawn on a terminal, elsewhere a line now and then."""

import os
import time
from typing import Any, Self, TextIO

from lipsyncctl.job import pace, percentage, place

CELLS = 24  # of the bar
PAUSE = 5.0  # seconds between two plain lines, so that the log of a long job stays short
CLEAR = "\r\033[K"


class ProgressLine:
    """Shows a job as often as it is given; on a terminal it leaves no trace at its end."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.state = ""
        self.due = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_terminal:
            self.write(CLEAR)

    def show(self, job: dict[str, Any]) -> None:
        """How far the job is now. Elsewhere than on a terminal a new state is shown at once."""
        if self.is_terminal:
            columns = os.get_terminal_size(self.stream.fileno()).columns or 80
            self.write(CLEAR + bar(job, self.stream.encoding)[: columns - 1])
        elif job["state"] != self.state or time.monotonic() >= self.due:
            self.state, self.due = job["state"], time.monotonic() + PAUSE
            self.write(f"lipsyncctl: job {job['id']}: {plain(job)}\n")

    def remark(self, words: str) -> None:
        """A line that stays."""
        self.write(f"{CLEAR if self.is_terminal else ''}lipsyncctl: {words}\n")

    def write(self, text: str) -> None:
        """Everything goes out at once, or it would be shown late."""
        self.stream.write(text)
        self.stream.flush()


def plain(job: dict[str, Any]) -> str:
    """running, 125 of 250 frames, 59 fps; or queued, 3rd, in 2 min"""
    count = f"{job['done']} of {job['total']} frames" if job["total"] else ""
    return ", ".join(filter(None, (job["state"], place(job), count))) + pace(job)


def bar(job: dict[str, Any], encoding: str) -> str:
    """━━━━━━╌╌╌╌╌╌  50 %  125/250 frames, 59 fps, 0:02 left; in words until frames are counted"""
    if not job["total"]:
        return f"{plain(job)} ..."
    full, empty = "━╌" if encoding.lower().startswith("utf") else "#."
    filled = CELLS * job["done"] // job["total"]
    drawn = full * filled + empty * (CELLS - filled)
    count = f"{job['done']}/{job['total']} frames"
    return f"{drawn} {percentage(job):>5}  {count}{pace(job)}{time_left(job)}"


def time_left(job: dict[str, Any]) -> str:
    """The time to go after a comma, or nothing if the pace is not known."""
    if not job["fps"]:
        return ""
    minutes, seconds = divmod(round((job["total"] - job["done"]) / job["fps"]), 60)
    return f", {minutes}:{seconds:02} left"
