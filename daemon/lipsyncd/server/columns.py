"""Jobs told by field: for who shows many of them, and little of each.

Told so they cost both sides a tenth of what whole jobs do, each of which has maps of its own.
"""

from collections.abc import Sequence
from typing import Any

from lipsyncd.protocol.state import State
from lipsyncd.queue.store.rows import COLUMNS
from lipsyncd.service.controlplane import ControlPlane

NEEDED = "id", "state"  # to know of which jobs more is to be told than what is stored
PLACE = "position", "eta", "paused"
STORED = frozenset(COLUMNS) - {"options", "error", "notes"}  # which are more than one value

Columns = dict[str, list[Any]]
Page = tuple[int | None, int, str | None, str | None]  # as the history takes it


def columns_of(controlplane: ControlPlane, asked: Sequence[str], page: Page) -> Columns:
    """The values of all jobs of a page, by field; None where a job has none."""
    stored = {*NEEDED} | (STORED & {*asked})
    columns = controlplane.history.columns(sorted(stored), *page)
    progressed(controlplane, columns)
    if not {*PLACE}.isdisjoint(asked):
        columns |= places(controlplane, columns)
    return {name: columns[name] for name in asked if name in columns}


def progressed(controlplane: ControlPlane, columns: Columns) -> None:
    """Running jobs are told with their progress since, and as running until their end is shown."""
    running = {job.id: job for job in controlplane.updates.running}
    for at, job in enumerate(columns["id"]) if running else ():
        if job in running:
            told = running[job].as_map()
            for name, values in columns.items():
                values[at] = told[name]


def places(controlplane: ControlPlane, columns: Columns) -> Columns:
    """Of the queued jobs their position and the seconds until they start, or why nothing does."""
    waits = State.QUEUED in columns["state"]
    found = controlplane.scheduler.positions.places() if waits else {}
    paused = controlplane.scheduler.paused
    of_jobs = [found.get(job) for job in columns["id"]]
    return {
        "position": [place and place.position for place in of_jobs],
        "eta": [None if paused else place and place.eta for place in of_jobs],
        "paused": [paused if place and paused else None for place in of_jobs],
    }
