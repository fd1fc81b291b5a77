"""The watchdog is pinged on proof: what hangs is restarted, what is merely slow is not."""

import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from support.systemd.machine import Machine, event, time_of

pytestmark = pytest.mark.booted

SECONDS = 4
SHORT = (f"WatchdogSec={SECONDS}s", "RestartSec=100ms")
# systemd's own entry for a unit that it is about to start
STARTING = ("MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5", "UNIT=lipsyncd.service")


def test_a_hung_render_is_restarted_in_time_and_its_job_finishes_in_the_next_life(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.sabotage("hung_render", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client() as client:
        hung = machine.moment_of("the render hangs")
        restarted = time_of(machine.entry(*STARTING, since=hung))
        assert client.wait() == 0, client.stderr.read()
    figure(f"hung render, WatchdogSec={SECONDS}: starts anew after {restarted - hung:.2f} s")
    assert restarted - hung <= SECONDS + 1
    assert machine.show("NRestarts") == "1"
    stacks = machine.entry(event("CRASHED"))["MESSAGE"]
    assert "Fatal Python error: Aborted" in stacks
    assert "in hang" in stacks, "the hung thread's stack is missing"
    assert stacks.count("hread 0x") > 2, "the other threads' stacks are missing"
    (recovered,) = machine.entries(event("JOB_RECOVERED"))
    assert machine.job(recovered["LIPSYNCD_JOB_ID"])["state"] == "succeeded"


def test_a_hung_device_is_found_while_there_is_no_job(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.sabotage("hung_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    hung = machine.moment_of("the device hangs")
    restarted = time_of(machine.entry(*STARTING, since=hung))
    figure(f"hung device, WatchdogSec={SECONDS}: starts anew after {restarted - hung:.2f} s")
    assert restarted - hung <= SECONDS + 1


def test_a_device_that_computes_wrongly_is_left_by_the_process(machine: Machine) -> None:
    machine.sabotage("wrong_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    wrong = machine.moment_of("forgets its weights")
    lost = machine.entry(event("GPU_LOST"), since=wrong)
    assert lost["PRIORITY"] == "2"
    machine.entry(event("READY"), since=time_of(lost))
    assert machine.show("NRestarts") == "1"


def test_a_job_whose_device_was_lost_is_rendered_by_the_next_life(machine: Machine) -> None:
    machine.sabotage("lost_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client() as client:
        assert client.wait() == 0, client.stderr.read()
    (lost,) = machine.entries(event("GPU_LOST"))
    exited = machine.entry(
        "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15", "UNIT=lipsyncd.service"
    )  # systemd: process exited
    assert exited["EXIT_STATUS"] == "74"
    assert "fell off the bus" in lost["MESSAGE"]


def test_a_native_call_that_holds_the_interpreter_is_survived(machine: Machine) -> None:
    machine.sabotage("held_interpreter", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client() as client:
        held = machine.moment_of("holds the interpreter")
        assert client.wait() == 0, client.stderr.read()
    assert machine.moment_of("lets go") - held >= 0.8 * SECONDS
    assert machine.show("NRestarts") == "0"


def test_a_process_that_is_stopped_for_less_than_the_watchdogs_patience_goes_on(
    machine: Machine,
) -> None:
    machine.sabotage("slow_render", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    daemon = machine.show("MainPID")
    with machine.client() as client:
        machine.entry(event("JOB_STARTED"))
        machine.run("kill", f"-{signal.SIGSTOP.name}", daemon)
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(0.6 * SECONDS)
        machine.run("kill", f"-{signal.SIGCONT.name}", daemon)
        assert client.wait() == 0, client.stderr.read()
    assert machine.show("NRestarts") == "0"


def test_a_journal_that_stands_still_stops_neither_renders_nor_pings(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.drop_in(*SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    journald = machine.show("MainPID", "systemd-journald.service")
    machine.run("kill", f"-{signal.SIGSTOP.name}", journald)
    try:
        rendered, end = 0, time.monotonic() + 30
        while time.monotonic() < end:
            with machine.client(face="single_face.jpg") as client:
                assert client.wait() == 0
            rendered += 1
    finally:
        machine.run("kill", f"-{signal.SIGCONT.name}", journald)
    figure(f"journald stopped for 30 s: {rendered} jobs rendered, no ping missed")
    assert machine.show("NRestarts") == "0"
    assert machine.show("ActiveState") == "active"
    assert rendered > 1
