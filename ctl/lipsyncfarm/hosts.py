"""The hosts of a farm, as they are told: each by itself, and all as if they were one daemon."""

from typing import Any

from lipsyncctl.client.submit import SERVING
from lipsyncfarm.record import Record

Answer = dict[str, Any]


def hosts_of(record: Record) -> list[Answer]:
    """Each host that the farm has seen: its `state`, `device`, `rate` in frames a second, how many
    `jobs` it has of its `slots`, for how many seconds the one of these that is `still` longest has
    not moved, its `version`, how many `seconds_ago` it was seen, and its last `problem`."""
    lost = {"state": "lost", "jobs": 0, "rate": 0.0, "still": 0.0}
    return [
        {"host": host, "seconds_ago": round(age, 1)}
        | info
        | (lost if age > record.farm.lease_seconds else {})
        for host, age, info in record.hosts()
    ]


def health_of(record: Record) -> Answer:
    """All of them: ready if one is that takes jobs."""
    hosts = hosts_of(record)
    ready = [each for each in hosts if each["state"] in SERVING and not each["paused"]]
    paused = "" if ready else "No host of the farm takes jobs at present."
    queued, running = record.counts()
    state = "ready" if ready else "not ready"
    detail = f"{len(ready)} of {len(hosts)} hosts are ready"
    report = {"verb": "reported", "ready": bool(ready), "state": state, "detail": detail}
    figures = {"queued": queued, "running": running, "hosts": hosts}
    return report | {"device": "", "devices": [], "paused": paused} | figures
