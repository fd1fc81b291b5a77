"""Which hosts make the same bytes of a job as this one, and whether some of them are free."""

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipsyncctl.client.submit import SERVING
from lipsyncfarm.local import Tools
from lipsyncfarm.shares import Cut, cut_of

PAUSE = 30.0  # seconds between two questions what the daemon is made of
SHARES = 2  # for each host, so that the last one is not waited for too long
MODALIAS = Path("/sys/devices/system/cpu/modalias")
OF_DEVICE = ("device_name", "precision", "checkpoint_sha256")  # where these differ, so do bytes


class Alike:
    """This host among the others.  `fingerprint` is of the bytes that it makes, empty before the
    daemon has told of them."""

    def __init__(self, tools: Tools) -> None:
        self.fingerprint = ""
        self._tools = tools
        self._looked_at = -PAUSE

    def look(self) -> None:
        """Ask the daemon now and then: a reload may have changed it.  Raises what `info` does."""
        if not self.fingerprint or time.monotonic() > self._looked_at + PAUSE:
            self.fingerprint = fingerprint_of(self._tools.client.info())
            self._looked_at = time.monotonic()

    def cut_of(self, id: str, frames: int) -> Cut | None:
        """Into which shares so many frames of a job are cut; None if they are few, or nobody else
        is free.  What was cut before stays so.

        Raises what Redis raises.
        """
        farm = self._tools.farm
        most = frames // farm.share_frames if farm.share_frames else 0
        if most < 2 or not self.fingerprint:
            return None
        if known := cut_of(self._tools.record, id, self.fingerprint):
            return known
        alike = {
            host: info
            for host, age, info in self._tools.record.hosts()
            if age < farm.lease_seconds and info.get("fingerprint") == self.fingerprint
        }
        if not any(has_room(info) for host, info in alike.items() if host != farm.host):
            return None
        return Cut(min(most, SHARES * len(alike)), self.fingerprint)


def has_room(info: Mapping[str, Any]) -> bool:
    """Whether a host that tells this of itself takes another job."""
    is_free = info["jobs"] < info["slots"] and not info["paused"]
    return bool(is_free and info["state"] in SERVING)


def fingerprint_of(info: Mapping[str, Any]) -> str:
    """Of what makes the bytes: the daemon's version, its weights, the kinds of its devices."""
    devices = info.get("devices") or [info]
    kinds = sorted({tuple(str(each.get(name) or "") for name in OF_DEVICE) for each in devices})
    on_cpu = not all(each.get("device_name") for each in devices)
    made_of = [info["version"], kinds, processor() if on_cpu else platform.machine()]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def processor() -> str:
    """The kind of this host's processor, and what it can do; a sandbox may hide it in /proc."""
    try:
        return MODALIAS.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # a kernel without it: hosts that differ make different bytes then
        return platform.machine()
