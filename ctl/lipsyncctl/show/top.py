"""The daemon on one screen: its devices, what it renders, what waits, and what has ended."""

from collections.abc import Sequence

from lipsyncctl.client.told import Told
from lipsyncctl.show.daemon import condition
from lipsyncctl.show.grid import cut
from lipsyncctl.show.job import Job
from lipsyncctl.show.table import table

ORDER = ("running", "queued")


def screen(report: Told, jobs: Sequence[Job], room: int | None, height: int | None) -> list[str]:
    """Lines of `room` columns, as many as fit (None: all): first what runs, then the queue by its
    places, then what has ended, the newest first."""
    lines = [*condition(report).splitlines(), ""]
    rows = table(sorted(jobs, key=rank), room).splitlines() if jobs else ["no jobs"]
    if height is not None and len(lines) + len(rows) > height:
        rows = rows[: max(height - len(lines), 1)]
    return [line if room is None else cut(line, room) for line in [*lines, *rows]]


def rank(job: Job) -> tuple[int, float]:
    """Where a job is shown."""
    state = job["state"]
    if state not in ORDER:
        return len(ORDER), -job["ended_at"]
    return ORDER.index(state), job.get("position") or job["created_at"]
