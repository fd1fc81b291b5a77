"""The hosts of a farm, in columns and in numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lipsyncctl.client.submit import SERVING
from lipsyncctl.show.grid import headed
from lipsyncctl.show.metrics import Family, Sample
from lipsyncctl.show.wording import printable, roughly

LONG = 60  # seconds without news of a job after which it may be stuck
OF_HOSTS: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], float]]] = (
    ("up", "Whether the host takes jobs.", lambda host: host["state"] in SERVING),
    ("paused", "Whether it is drained.", lambda host: bool(host.get("paused"))),
    ("jobs", "Jobs that it holds.", lambda host: host["jobs"]),
    ("slots", "Jobs that it holds at most.", lambda host: host.get("slots", 0)),
    ("frames_per_second", "What its daemon renders just now.", lambda host: host["rate"]),
    ("still_seconds", "Without news of one of its jobs.", lambda host: host.get("still", 0)),
    ("seen_age_seconds", "Since it was heard of.", lambda host: host["seconds_ago"]),
)


def hosts_table(hosts: Sequence[Mapping[str, Any]]) -> str:
    """A row for each under their headings; nothing if there are none."""
    return headed(map(row, hosts))


def row(host: Mapping[str, Any]) -> dict[str, str]:
    """A host by heading."""
    state = "drained" if host.get("paused") and host["state"] != "lost" else host["state"]
    return {
        "HOST": printable(host["host"]),
        "STATE": printable(state),
        "DEVICE": printable(host.get("device") or ""),
        "JOBS": f"{host['jobs']} of {host.get('slots', '?')}",
        "RATE": f"{host['rate']:.0f} fps" if host["rate"] >= 1 else "",
        "VERSION": printable(host.get("version") or ""),
        "SEEN": f"{roughly(host['seconds_ago'])} ago",
        "PROBLEM": printable(host.get("paused") or host.get("problem") or stuck(host)),
    }


def stuck(host: Mapping[str, Any]) -> str:
    """What is said of a host one of whose jobs does not get on."""
    still = host.get("still") or 0
    return f"a job has not moved for {roughly(still)}" if still > LONG else ""


def families(health: Mapping[str, Any]) -> Iterator[Family]:
    """A farm in numbers: what waits, and each host."""
    states = "queued", "running"
    jobs: list[Sample] = [("", {"state": name}, health[name]) for name in states]
    yield Family("lipsyncfarm_jobs", "gauge", "Jobs that have not ended, by state.", jobs)
    for name, text, value in OF_HOSTS:
        hosts = health["hosts"]
        samples: list[Sample] = [("", {"host": each["host"]}, float(value(each))) for each in hosts]
        yield Family(f"lipsyncfarm_host_{name}", "gauge", text, samples)
