"""Which socket `lipsyncctl` uses: the one that is named, else the first that is to be expected."""

from pathlib import Path

import pytest

from lipsyncctl import Client
from lipsyncctl.client import address


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the system's socket would be, for a user who has named none."""
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(address, "DEFAULT_SOCKET", str(tmp_path / "control.sock"))
    return tmp_path / "control.sock"


def test_the_systems_daemon_is_used_if_it_has_a_socket(systems: Path) -> None:
    systems.touch()
    assert Client().address == str(systems)


def test_without_it_the_users_own_is_used_whatever_instances_there_are(
    systems: Path, tmp_path: Path
) -> None:
    systems.with_name("cuda0.sock").touch()
    assert Client().address == str(tmp_path / "user/lipsyncd/control.sock")


def test_a_socket_that_is_named_is_used_the_nearest_name_first(
    monkeypatch: pytest.MonkeyPatch, systems: Path, tmp_path: Path
) -> None:
    systems.touch()
    monkeypatch.setenv("LIPSYNCD_SOCKET", str(tmp_path / "mine.sock"))
    assert Client().address == str(tmp_path / "mine.sock")
    assert Client(tmp_path / "other.sock").address == str(tmp_path / "other.sock")


def test_an_empty_variable_names_no_socket(monkeypatch: pytest.MonkeyPatch, systems: Path) -> None:
    systems.touch()
    monkeypatch.setenv("LIPSYNCD_SOCKET", "")
    assert Client().address == str(systems)
