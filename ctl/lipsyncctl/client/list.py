"""The newest jobs, page after page."""

from pathlib import Path
from typing import Any

from lipsyncctl.client.job import Job
from lipsyncctl.client.session import open_session

PAGE = 200  # jobs; the daemon tells no more at once


def newest(address: Path, limit: int | None) -> list[Job]:
    """So many jobs (None: all), the newest last."""
    jobs: list[Job] = []
    with open_session(address) as session:
        while limit is None or len(jobs) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(jobs))
            before: dict[str, Any] = {"before": jobs[0].id} if jobs else {}
            page: Any = session.ask("list", limit=size, **before).body["jobs"]
            jobs = [*(Job({"verb": "listed", "job": job}) for job in page), *jobs]
            if len(page) < size:
                break
    return jobs
