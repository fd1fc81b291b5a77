"""The hosts of a farm in columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from lipsyncctl.show.table import line, width
from lipsyncctl.show.wording import printable, roughly

HEADINGS = ("HOST", "STATE", "DEVICE", "JOBS", "RATE", "VERSION", "SEEN", "PROBLEM")


def hosts_table(hosts: Sequence[Mapping[str, Any]]) -> str:
    """A row for each under their headings; nothing if there are none."""
    if not hosts:
        return ""
    rows = [{name: name for name in HEADINGS}, *map(row, hosts)]
    widths = {name: max(width(each[name]) for each in rows) for name in HEADINGS}
    return "\n".join(line(each, widths) for each in rows)


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
        "PROBLEM": printable(host.get("paused") or host.get("problem") or ""),
    }
