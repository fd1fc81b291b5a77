"""Jobs as clients see them that wait for them: with their places in the queue."""

from collections.abc import Iterable
from dataclasses import asdict

from lipsyncd.house import House
from lipsyncd.jobs.job import Job, State


def placed(house: House, jobs: Iterable[Job]) -> list[dict[str, object]]:
    """The jobs as maps; the queued ones with their position and the seconds until they start, or
    with the reason why nothing does."""
    jobs = list(jobs)
    waits = any(job.state is State.QUEUED for job in jobs)
    places = house.scheduler.line.places() if waits else {}
    paused = house.scheduler.paused
    pause = {"eta": None, "paused": paused} if paused else {}
    return [
        job.as_map() | (asdict(places[job.id]) | pause if job.id in places else {}) for job in jobs
    ]
