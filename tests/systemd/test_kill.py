"""kill -9: who waits for a job gets its result from the next life."""

import time
from collections.abc import Callable

import pytest
from support.systemd.machine import Machine, event, time_of

pytestmark = pytest.mark.booted


def kill(machine: Machine) -> float:
    """The daemon's process, by SIGKILL; the moment."""
    killed = time.time()
    machine.run("kill", "-KILL", machine.show("MainPID"))
    return killed


def test_a_client_is_served_over_a_kill_while_rendering(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.sabotage("slow_render")
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client() as client:
        machine.entry(event("JOB_STARTED"))
        killed = kill(machine)
        ready = time_of(machine.entry(event("READY"), since=killed))
        assert client.wait() == 0, client.stderr.read()
    figure(f"kill -9 while rendering: ready again after {ready - killed:.1f} s (RestartSec=2)")
    assert machine.show("NRestarts") == "1"
    (recovered,) = machine.entries(event("JOB_RECOVERED"), least=1)
    assert machine.job(recovered["LIPSYNCD_JOB_ID"])["attempts"] == 2


def test_a_client_whose_connection_started_the_daemon_is_served_over_a_kill_while_loading(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.sabotage("slow_load")
    machine.run("systemctl", "start", "lipsyncd.socket")
    with machine.client() as client:
        machine.entry(event("JOB_ACCEPTED"))
        assert machine.show("ActiveState") == "activating"
        killed = kill(machine)
        ready = time_of(machine.entry(event("READY"), since=killed))
        assert client.wait() == 0, client.stderr.read()
    figure(f"kill -9 while loading (a load of 5 s more): ready after {ready - killed:.1f} s")
    assert machine.show("NRestarts") == "1"
