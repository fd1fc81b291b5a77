"""The unit bounds the daemon's memory: beyond it the daemon is killed, and loses no job by that."""

import os
from signal import SIGKILL

import pytest
from booted import Machine, event

pytestmark = pytest.mark.booted

# systemd's own entry for a process of a unit that has ended
EXITED = ("MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15", "UNIT=lipsyncd.service")


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


def test_a_daemon_that_takes_too_much_memory_is_killed_and_its_job_finishes_in_the_next_life(
    machine: Machine,
) -> None:
    machine.sabotage("hungry_render", "MemoryMax=1200M")
    machine.run("systemctl", "start", "lipsyncd")
    assert bound_of(machine) == str(1200 << 20)
    with machine.client() as client:
        machine.moment_of("the render takes memory")
        assert client.wait() == 0, client.stderr.read()
    (killed,) = machine.entries(*EXITED, "EXIT_CODE=killed")
    assert killed["EXIT_STATUS"] == str(int(SIGKILL))
    assert machine.show("NRestarts") == "1"
    (recovered,) = machine.entries(event("JOB_RECOVERED"))
    assert machine.job(recovered["LIPSYNCD_JOB_ID"])["attempts"] == 2
