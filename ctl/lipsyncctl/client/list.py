"""The newest jobs, page after page."""

from pathlib import Path
from typing import Any

from lipsyncctl.client.job import Job
from lipsyncctl.client.session import open_session

PAGE = 200  # jobs; the daemon tells no more at once


def newest(address: Path, limit: int | None, state: str | None, **which: str) -> list[Job]:
    """So many jobs (None: all), the newest last; of those in one state, if that is said.

    `which` is what else the daemon is to choose them by.
    """
    jobs: list[Job] = []
    with open_session(address, is_question=True) as session:
        before: dict[str, Any] = {}
        while limit is None or len(jobs) < limit:
            size = PAGE if limit is None or state else min(PAGE, limit - len(jobs))
            page: Any = session.ask("list", limit=size, **which, **before).body["jobs"]
            found = [Job({"verb": "listed", "job": job}) for job in page]
            jobs = [*(job for job in found if state in (None, job.state)), *jobs]
            if len(page) < size:
                break
            before = {"before": found[0].id}
    return jobs if limit is None else jobs[-limit:]
