"""How errors, numbers, times and the daemon read to a person."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
ORDINALS = {1: "st", 2: "nd", 3: "rd"}


def printable(text: object) -> str:
    """Text of others, unable to steer the terminal: a file name may hold anything."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text)
    )


def sentence(error: Mapping[str, Any]) -> str:
    """An error as one line: what happened, what to do next, and when."""
    later = error.get("retry_after_ms")
    attempt = f"Try again in {roughly(max(later / 1000, 1))}." if later else ""
    return printable(" ".join(filter(None, (error["message"], error["hint"], attempt))))


def size(count: int) -> str:
    """Bytes, in the largest unit that fits: 9 bytes, 12.4 MiB"""
    fits = next(((unit, name) for unit, name in SIZES if count >= unit), None)
    return f"{count / fits[0]:.1f} {fits[1]}" if fits else f"{count} bytes"


def roughly(seconds: float) -> str:
    """One number in the largest unit of which there are about two: 12 s, 90 s, 3 min, 5 h, 2 d."""
    size, unit = next((each for each in UNITS if seconds >= 1.9 * each[0]), UNITS[-1])
    return f"{round(seconds / size)} {unit}"


def exactly(seconds: float) -> str:
    """All of it: 1 h 30 min"""
    parts, left = [], seconds
    for size, unit in UNITS[:-1]:
        count, left = divmod(left, size)
        parts += [f"{count:.0f} {unit}"] if count else []
    return " ".join(parts + ([f"{left:g} s"] if left else []))


def clock(moment: float) -> str:
    """Unix seconds as the clock here shows them, and how far it is ahead of UTC."""
    return datetime.fromtimestamp(moment).astimezone().isoformat(sep=" ", timespec="seconds")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, ... 11th, ... 21st"""
    is_teen = number % 100 in range(11, 14)
    return f"{number}{'th' if is_teen else ORDINALS.get(number % 10, 'th')}"


def condition(report: Mapping[str, Any]) -> str:
    """The daemon in a line, ready on cuda:0, 1 running, 3 queued; then each device in one."""
    devices = report.get("devices", ())
    serving = [each["device"] for each in devices if each["state"] == "ready"]
    if not devices and report["device"]:  # as an older daemon tells it
        serving = [report["device"]]
    where = f" on {', '.join(serving)}" if serving else ""
    detail = f": {report['detail']}" if report["detail"] else ""
    counts = f", {report['running']} running, {report['queued']} queued"
    paused = f". {report['paused']}" if report.get("paused") else ""
    line = printable(f"{report['state']}{where}{detail}{counts}{paused}")
    return "\n".join(filter(None, (line, columns(numbered(devices)))))


def numbered(devices: Iterable[Mapping[str, Any]]) -> dict[str, object]:
    """Each device by its place among them, since two may have one name."""
    return {f"device {number}": device(each) for number, each in enumerate(devices, start=1)}


def device(row: Mapping[str, Any]) -> str:
    """cuda:0, ready, jobs: 2, memory: 1.2 GiB, GPU memory: 310.5 MiB, last pass: 2 s ago"""
    own = f", GPU memory: {size(row['device_bytes'])}" if "device_bytes" in row else ""
    memory = f"memory: {size(row['resident_bytes'])}{own}"
    last = f"last pass: {roughly(row['proof_seconds_ago'])} ago"
    return f"{row['device']}, {row['state']}, jobs: {row['jobs']}, {memory}, {last}"


def drained(reply: Mapping[str, Any]) -> str:
    """What a drain stops and what it does not."""
    counts = f"{reply['running']} running, {reply['queued']} queued"
    return f"drained: no job is taken or started until `lipsyncctl resume`; {counts}"


def resumed(reply: Mapping[str, Any]) -> str:
    """What goes on."""
    return f"resumed: jobs are taken and started again; {reply['queued']} queued"


def cleaned(reply: Mapping[str, Any]) -> str:
    """How much went."""
    plural = "" if reply["jobs"] == 1 else "s"
    return f"{reply['jobs']} job{plural} removed, {size(reply['bytes'])}"


def columns(parts: Mapping[str, object]) -> str:
    """Names and values in two columns, without those that say nothing."""
    shown = {name: printable(value) for name, value in parts.items() if value not in (None, "")}
    width = max(map(len, shown), default=0)
    return "\n".join(f"{name:{width}}  {value}" for name, value in shown.items())
