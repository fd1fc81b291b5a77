"""The units of systemd that keep the daemons of the system, and whether they run."""

import os

from lipsyncctl.client.address import is_systems
from lipsyncd.errors import ServerUnreachable
from lipsyncd.protocol.address import DEFAULT_SOCKET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BOOTED = "/run/systemd/system"  # is there where systemd runs
SECONDS = 5.0  # for systemd to tell how its units are


def unit_of(address: str) -> str:
    """The name of the daemon's units, without what kind they are."""
    is_instance = is_systems(address) and address != DEFAULT_SOCKET
    name, _ = os.path.splitext(os.path.basename(address))
    return f"lipsyncd@{name}" if is_instance else "lipsyncd"


def look(address: str) -> str:
    """Where it is told what a daemon does that does not answer."""
    if is_systems(address):
        return f"Look with `systemctl status {unit_of(address)}`."
    return "Look where `lipsyncd` was started."


def refuse_to_start(address: str) -> None:
    """Raise ServerUnreachable if systemd would start the daemon for whoever connects.

    What only asks goes no further then: a daemon that was stopped stays so, and one that is broken
    does not have to fail once more.
    """
    if not is_systems(address) or not os.path.isdir(BOOTED):
        return
    unit = unit_of(address)
    match states(f"{unit}.socket", f"{unit}.service"):
        case "active", "inactive":
            hint = f"`systemctl start {unit}` starts it, as a job would."
            raise ServerUnreachable(f"No daemon: {unit}.service is stopped.", hint)
        case "active", "failed":
            hint = f"`systemctl status {unit}` tells why, `systemctl start {unit}` tries again."
            raise ServerUnreachable(f"No daemon: {unit}.service has failed.", hint)


def states(*units: str) -> tuple[str, ...]:
    """What systemd says of units: active, inactive, failed, ...; nothing if it cannot be asked."""
    import subprocess  # noqa: PLC0415  # most questions need none

    words = ["systemctl", "is-active", *units]
    how: Any = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": SECONDS}
    try:
        return tuple(subprocess.run(words, check=False, text=True, **how).stdout.split())
    except (OSError, subprocess.TimeoutExpired):
        return ()
