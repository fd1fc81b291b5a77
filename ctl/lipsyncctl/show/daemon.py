"""How the daemon reads to a person: its condition, and its devices."""

from collections.abc import Sequence

from lipsyncctl.client.told import Told
from lipsyncctl.show.grid import headed
from lipsyncctl.show.wording import printable, roughly, size

Device = Told


def condition(report: Told) -> str:
    """The daemon in a line, ready on cuda:0, 1 running, 3 queued; then its devices."""
    found = report.get("devices", ())
    serving = [each["device"] for each in found if each["state"] == "ready"]
    if not found and report["device"]:  # as an older daemon tells it
        serving = [report["device"]]
    where = f" on {', '.join(serving)}" if serving else ""
    detail = f": {report['detail']}" if report["detail"] else ""
    held = f" ({report['held']} held)" if report.get("held") else ""
    counts = f", {report['running']} running, {report['queued']} queued{held}"
    paused = f". {report['paused']}" if report.get("paused") else ""
    words = printable(f"{report['state']}{where}{detail}{counts}{paused}")
    return "\n".join(filter(None, (words, devices(found))))


def devices(found: Sequence[Device]) -> str:
    """Each device in a row under headings; nothing without any."""
    has_own = any("device_bytes" in each for each in found)
    return headed(row(each, has_own) for each in found)


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
