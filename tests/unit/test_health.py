"""How the daemon is: its condition and its devices, taken together."""

import pytest

from lipsyncd.system.status import Condition, Health


def health(condition: Condition, *states: str) -> Health:
    rows = [{"device": f"cuda:{index}", "state": state} for index, state in enumerate(states)]
    return Health(condition, rows)


def test_with_all_its_devices_a_daemon_is_ready() -> None:
    whole = health(Condition.READY, "ready", "ready")
    assert (whole.state, whole.is_ready, whole.lost) == ("ready", True, [])


def test_on_fewer_devices_it_is_degraded_and_renders() -> None:
    degraded = health(Condition.READY, "lost", "ready")
    assert (degraded.state, degraded.is_ready) == ("degraded", True)
    assert (degraded.serving, degraded.lost) == (["cuda:1"], ["cuda:0"])


def test_without_any_it_renders_nothing() -> None:
    lost = health(Condition.READY, "lost", "lost")
    assert (lost.state, lost.is_ready) == ("degraded", False)


@pytest.mark.parametrize("condition", [each for each in Condition if each != Condition.READY])
def test_while_it_starts_or_stops_it_says_so_whatever_its_devices_are(condition: Condition) -> None:
    assert health(condition, "lost", "ready").state == condition
    assert not health(condition, "ready").is_ready
