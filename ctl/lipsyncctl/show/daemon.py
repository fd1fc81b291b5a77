"""How the daemon reads to a person: its condition, its devices, what it is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from lipsyncctl.show.table import line, width
from lipsyncctl.show.wording import columns, printable, roughly, size

Device = Mapping[str, Any]


def condition(report: Mapping[str, Any]) -> str:
    """The daemon in a line, ready on cuda:0, 1 running, 3 queued; then its devices."""
    found = report.get("devices", ())
    serving = [each["device"] for each in found if each["state"] == "ready"]
    if not found and report["device"]:  # as an older daemon tells it
        serving = [report["device"]]
    where = f" on {', '.join(serving)}" if serving else ""
    detail = f": {report['detail']}" if report["detail"] else ""
    counts = f", {report['running']} running, {report['queued']} queued"
    paused = f". {report['paused']}" if report.get("paused") else ""
    words = printable(f"{report['state']}{where}{detail}{counts}{paused}")
    return "\n".join(filter(None, (words, devices(found))))


def parts(informed: Mapping[str, Any], room: int | None = None) -> str:
    """What the daemon is made of, in lines; several devices below them."""
    hidden = {"verb", "id", "devices"}
    own = {name: value for name, value in informed.items() if name not in hidden}
    told = {name: words(informed[name]) for name, words in IN_WORDS.items() if name in informed}
    found = informed.get("devices", ())
    below = devices(found) if len(found) > 1 else ""
    return "\n".join(filter(None, (columns(own | told, room), below)))


def held_in(cage: Mapping[str, Any]) -> str:
    """What of the cage is in force, and what is not."""
    return ", ".join(name if in_force else f"no {name}" for name, in_force in cage.items())


def passes(made: Mapping[str, Any]) -> str:
    """1204 of 0.21 s, 92 % full; or none"""
    if not made["count"]:
        return "none"
    each, share = made["seconds"] / made["count"], made["rows"] / made["room"]
    return f"{made['count']} of {each:.2g} s, {share:.0%} full".replace("%", " %")


def known(plans: Mapping[str, Any]) -> str:
    """12 of 20 faces were known"""
    return f"{plans['hits']} of {plans['hits'] + plans['misses']} faces were known"


IN_WORDS = {"cage": held_in, "passes": passes, "plans": known}


def devices(found: Sequence[Device]) -> str:
    """Each device in a row under headings; nothing without any."""
    has_own = any("device_bytes" in each for each in found)
    rows = [row(each, has_own) for each in found]
    headed = [{name: name for name in rows[0]}, *rows] if rows else []
    widths = {name: max(width(each[name]) for each in headed) for name in (rows or [{}])[0]}
    return "\n".join(line(each, widths) for each in headed)


def row(device: Device, has_own: bool) -> dict[str, str]:
    """A device by heading; `has_own` if one of them has memory of its own, as GPUs have."""
    own = {"GPU MEMORY": size(device["device_bytes"]) if "device_bytes" in device else ""}
    return {
        "DEVICE": printable(device["device"]),
        "STATE": printable(device["state"]),
        "JOBS": str(device["jobs"]),
        "MEMORY": size(device["resident_bytes"]),
        **(own if has_own else {}),
        "LAST PASS": f"{roughly(device['proof_seconds_ago'])} ago",
    }
