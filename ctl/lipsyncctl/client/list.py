"""The newest jobs, page after page: whole, or some of their fields, which costs a tenth."""

import os
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, compress, repeat

from lipsyncctl.client.job import Job
from lipsyncctl.client.session import open_session
from lipsyncctl.client.told import Answer, Columns, by_field, given

PAGE = 200  # jobs; the daemon tells no more at once
CHOOSING = "id", "state", "owner", "created_at"  # fields by which jobs are chosen


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
        return self.among(by_field([job], CHOOSING))[0]

    def among(self, jobs: Columns) -> list[bool]:
        """Of each of these jobs whether it is one of them."""
        if self.are_all():
            return [True] * len(jobs["id"])
        return [
            (self.states is None or state in self.states)
            and (self.owner is None or owner == self.owner)
            and created_at >= self.since
            for state, owner, created_at in zip(
                jobs["state"], jobs["owner"], jobs["created_at"], strict=True
            )
        ]

    def ends_before(self, jobs: Columns) -> bool:
        """Whether all that were accepted before these jobs are none of them."""
        return bool(jobs["created_at"][0] < self.since)


def newest(address: str, limit: int | None, which: Which) -> list[Job]:
    """So many of these jobs (None: all), the newest last."""
    pages = [
        [Job({"verb": "listed", "job": job}) for job in compress(told["jobs"], chosen)]
        for told, _, chosen in told_pages(address, limit, which)
    ]
    jobs = [*chain.from_iterable(reversed(pages))]
    return jobs if limit is None else jobs[-limit:]


def columns(address: str, names: Sequence[str], limit: int | None, which: Which) -> Columns:
    """These fields of the same jobs."""
    pages = [
        {name: [*compress(told.get(name, repeat(None)), chosen)] for name in names}
        for _, told, chosen in told_pages(address, limit, which, names)
    ]
    pages.reverse()
    whole = {name: [*chain.from_iterable(page[name] for page in pages)] for name in names}
    return whole if limit is None else {name: each[-limit:] for name, each in whole.items()}


def told_pages(
    address: str, limit: int | None, which: Which, names: Sequence[str] = ()
) -> Iterator[tuple[Answer, Columns, list[bool]]]:
    """Page after page, the newest first, until so many jobs were found: what was told of it, the
    fields of these `names`, or those by which jobs are chosen, and which jobs are wanted."""
    found, sought = 0, [*{*CHOOSING, *names}]
    before: Answer = {}
    fields: Answer = {"fields": sought} if names else {}
    with open_session(address, is_question=True) as session:
        while limit is None or found < limit:
            size = min(PAGE, limit - found) if limit and which.are_all() else PAGE
            told: Answer = session.ask("list", limit=size, **which.asked, **fields, **before).body
            jobs: Columns = told.get("columns") or by_field(told["jobs"], sought)
            chosen, count = which.among(jobs), len(jobs["id"])
            found += sum(chosen)
            yield told, jobs, chosen
            if count < size or which.ends_before(jobs):
                return
            before = {"before": jobs["id"][0]}
