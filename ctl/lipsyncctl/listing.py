"""`list`: the jobs of all daemons, page after page."""

from argparse import Namespace
from typing import Any

from lipsyncctl.client.instances import answers
from lipsyncctl.client.session import Client
from lipsyncctl.show.console import Console
from lipsyncctl.show.table import table
from lipsyncctl.verbs.daemon import code
from lipsyncd.errors import LipsyncError

PAGE = 200  # jobs; a daemon tells no more at once


def list_jobs(console: Console, arguments: Namespace) -> int:
    """The newest jobs of the user, for admins of everybody; the newest last."""
    limit = None if arguments.all else arguments.limit
    asked = list(answers(arguments.addresses, lambda client: look(client, limit)))
    for _, answer in asked:
        if isinstance(answer, LipsyncError):
            console.complain(answer)
    looks = {address: answer for address, answer in asked if isinstance(answer, dict)}
    if looks:
        jobs = [job for each in looks.values() for job in each["jobs"]]
        tell(console, sorted(jobs, key=lambda job: job["created_at"]), limit)
    for address, each in looks.items():
        if each["paused"]:
            name = f"{address.stem}: " if len(asked) > 1 else ""
            console.note(f"{name}{each['paused']}")
    return max(code(answer) for _, answer in asked)


def tell(console: Console, jobs: list[dict[str, Any]], limit: int | None) -> None:
    """The newest of them, and whether there are more."""
    newest = jobs if limit is None else jobs[-limit:]
    console.tell({"verb": "listed", "jobs": newest}, table(newest, console.columns()))
    if len(newest) < len(jobs):
        are = "This is the newest" if limit == 1 else f"These are the newest {limit}"
        console.note(f"{are}; `lipsyncctl list --all` shows every job.")


def look(client: Client, limit: int | None) -> dict[str, Any]:
    """The jobs of one daemon, one more than the limit if there are more; and why it pauses."""
    jobs = newest(client, None if limit is None else limit + 1)
    return {"jobs": jobs, "paused": client.ask("health").body.get("paused")}


def newest(client: Client, count: int | None) -> list[dict[str, Any]]:
    """So many jobs (None: all), the newest last."""
    jobs: list[dict[str, Any]] = []
    while count is None or len(jobs) < count:
        size = PAGE if count is None else min(PAGE, count - len(jobs))
        before = {"before": jobs[0]["id"]} if jobs else {}
        page = client.ask("list", limit=size, **before).body["jobs"]
        jobs = page + jobs
        if len(page) < size:
            break
    return jobs
