"""Restarting is for accidents: what would fail again is left failed, for an operator to see."""

import pytest
from booted import Machine

pytestmark = pytest.mark.booted


def test_a_bad_configuration_is_not_started_again(machine: Machine) -> None:
    machine.write("/etc/lipsyncd/lipsyncd.toml", "batches = 3\n")
    assert machine.tried("systemctl", "start", "lipsyncd").returncode != 0
    assert machine.show("ActiveState") == "failed"
    assert machine.show("ExecMainStatus") == "78"
    assert machine.show("NRestarts") == "0"
    assert "batches" in machine.show("StatusText")


def test_five_crashes_in_a_row_end_in_failed_for_all_to_see(machine: Machine) -> None:
    machine.sabotage("crash", "RestartSec=100ms")
    machine.tried("systemctl", "start", "lipsyncd")
    machine.wait_until("ActiveState", "failed")
    assert machine.show("NRestarts") == "5"
    assert "lipsyncd.service" in machine.run("systemctl", "--failed", "--no-legend")
    loud = machine.run("journalctl", "--priority=warning", "--unit=lipsyncd", "--output=cat")
    assert "Start request repeated too quickly" in loud
