"""What work costs: processor seconds, and memory at its peak."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Cost:
    """So far nothing; filled in when the work is done."""

    seconds: float = 0.0
    mib: int = 0


@contextmanager
def measured() -> Iterator[Cost]:
    """What the block costs this process, beyond what it had before."""
    cost, begun, before = Cost(), time.process_time(), memory("VmRSS")
    forget_peak()
    try:
        yield cost
    finally:
        cost.seconds, cost.mib = time.process_time() - begun, memory("VmHWM") - before


def forget_peak() -> None:
    """How much memory this process had at most counts from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory(field: str, pid: int | str = "self") -> int:
    """MiB of a process: VmRSS is what it has, VmHWM what it had at most."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split(f"{field}:")[1].split()[0]) >> 10
