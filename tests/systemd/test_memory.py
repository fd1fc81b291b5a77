"""The unit bounds the memory of all its processes: what takes too much is a render, and ends."""

import os

import pytest
from support.systemd.machine import Machine

pytestmark = pytest.mark.booted


def bound_of(machine: Machine, unit: str = "lipsyncd.service") -> str:
    """What the kernel holds a running unit to, in bytes; skips where it can hold none."""
    group = machine.show("ControlGroup", unit)
    for place in ("memory.max", "memory/memory.limit_in_bytes"):
        hierarchy, _, file = f"/{place}".rpartition("/")
        found = machine.inside(f"/sys/fs/cgroup{hierarchy}{group}/{file}")
        if found.exists():
            return found.read_text().strip()
    pytest.skip("the kernel lends this machine no memory controller")


@pytest.mark.parametrize("unit", ["lipsyncd.service", "lipsyncd@cpu.service"])
def test_the_kernel_holds_the_daemon_to_less_memory_than_there_is(
    machine: Machine, unit: str
) -> None:
    machine.run("systemctl", "start", unit)
    bound = bound_of(machine, unit)
    assert bound == machine.show("MemoryMax", unit)
    assert machine.show("MemorySwapMax", unit) == "0"
    assert int(bound) < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_render_that_takes_too_much_memory_has_failed_and_the_daemon_goes_on(
    machine: Machine,
) -> None:
    machine.sabotage("hungry_render", "MemoryMax=1600M")
    machine.run("systemctl", "start", "lipsyncd")
    assert bound_of(machine) == str(1600 << 20)
    hungry = machine.submit("--crf", "51")
    assert machine.tried("lipsyncctl", "wait", hungry).returncode != 0
    assert machine.job(hungry)["error"]["name"] == "job.memory"
    machine.run("lipsyncctl", "wait", machine.submit())
    assert machine.show("NRestarts") == "0"
