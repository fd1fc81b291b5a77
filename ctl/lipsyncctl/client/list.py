"""The newest jobs, page after page."""

import os
from collections.abc import Collection
from typing import cast

from lipsyncctl.client.job import Job
from lipsyncctl.client.session import open_session
from lipsyncctl.client.told import Answer, given

PAGE = 200  # jobs; the daemon tells no more at once


class Which:
    """Which jobs are wanted: in these states, with this label (None: any), only one's own, accepted
    since when."""

    def __init__(
        self,
        states: Collection[str] | None = None,
        label: str | None = None,
        mine: bool = False,
        since: float = 0.0,
    ) -> None:
        self.asked = given({"label": label})  # by what the daemon chooses, which is faster
        self.states = states
        self.owner = os.getuid() if mine else None
        self.since = since

    def are_all(self) -> bool:
        """Nothing is left out of what the daemon tells."""
        return self.states is None and self.owner is None and not self.since

    def has(self, job: Job) -> bool:
        """Whether it is one of them."""
        is_in_state = self.states is None or job.state in self.states
        is_mine = self.owner is None or job.owner == self.owner
        return is_in_state and is_mine and job["created_at"] >= self.since

    def ends_before(self, job: Job) -> bool:
        """Whether all that were accepted before this job are none of them."""
        return bool(job["created_at"] < self.since)


def newest(address: str, limit: int | None, which: Which) -> list[Job]:
    """So many of these jobs (None: all), the newest last."""
    jobs: list[Job] = []
    with open_session(address, is_question=True) as session:
        before: Answer = {}
        while limit is None or len(jobs) < limit:
            size = min(PAGE, limit - len(jobs)) if limit and which.are_all() else PAGE
            asked = session.ask("list", limit=size, **which.asked, **before)
            page = cast(list[Answer], asked.body["jobs"])
            found = [Job({"verb": "listed", "job": job}) for job in page]
            jobs = [*filter(which.has, found), *jobs]
            if len(page) < size or which.ends_before(found[0]):
                break
            before = {"before": found[0].id}
    return jobs if limit is None else jobs[-limit:]
