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
STALL = f"[render]\nstall_seconds = {SECONDS}\n"
# systemd's own entry for a unit that it is about to start
STARTING = ("MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5", "UNIT=lipsyncd.service")


def test_a_hung_daemon_is_restarted_in_time_and_its_jobs_finish_in_the_next_life(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.sabotage("hung_queue", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    with machine.client() as client:
        hung = machine.moment_of("the queue hangs")
        restarted = time_of(machine.entry(*STARTING, since=hung))
        assert client.wait() == 0, client.stderr.read()
    figure(f"hung queue, WatchdogSec={SECONDS}: starts anew after {restarted - hung:.2f} s")
    assert machine.show("NRestarts") == "1"
    stacks = machine.entry(event("CRASHED"))["MESSAGE"]
    assert "Fatal Python error: Aborted" in stacks
    assert "in hang" in stacks, "the hung thread's stack is missing"
    assert stacks.count("hread 0x") > 2, "the other threads' stacks are missing"


def test_a_hung_render_costs_its_own_job_and_no_other(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", STALL)
    machine.sabotage("hung_render", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    stuck, good = machine.submit("--crf", "51"), machine.submit()
    machine.run("lipsyncctl", "wait", good)
    assert machine.tried("lipsyncctl", "wait", stuck).returncode != 0
    hung = machine.moment_of("the render hangs")
    told = machine.entry(event("RENDER_STALLED"))
    figure(f"hung render, stall_seconds={SECONDS}: ended after {time_of(told) - hung:.2f} s")
    assert machine.job(stuck)["error"]["name"] == "media.stalled"
    assert "in hang" in told["MESSAGE"], "the hung thread's stack is missing"
    assert machine.show("NRestarts") == "0"


def test_a_hung_device_is_found_while_there_is_no_job_and_started_anew(
    machine: Machine, figure: Callable[[str], None]
) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", STALL)
    machine.sabotage("hung_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    hung = machine.moment_of("the device hangs")
    back = time_of(machine.entry(event("DEVICE_RESTARTED"), since=hung))
    figure(f"hung device, stall_seconds={SECONDS}: back after {back - hung:.2f} s")
    machine.run("lipsyncctl", "wait", machine.submit())
    assert machine.show("NRestarts") == "0"


def test_a_device_that_computes_wrongly_is_started_anew(machine: Machine) -> None:
    machine.sabotage("wrong_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    wrong = machine.moment_of("forgets its weights")
    lost = machine.entry(event("GPU_LOST"), since=wrong)
    assert lost["PRIORITY"] == "2"
    machine.entry(event("DEVICE_RESTARTED"), since=time_of(lost))
    machine.run("lipsyncctl", "wait", machine.submit())
    assert machine.show("NRestarts") == "0"


def test_a_job_whose_device_is_lost_goes_on_with_its_next_process(machine: Machine) -> None:
    machine.sabotage("lost_device", *SHORT)
    machine.run("systemctl", "start", "lipsyncd")
    job = machine.submit()
    machine.run("lipsyncctl", "wait", job)
    assert "fell off the bus" in machine.entry(event("GPU_LOST"))["MESSAGE"]
    assert machine.job(job)["attempts"] == 1
    assert machine.show("NRestarts") == "0"


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
