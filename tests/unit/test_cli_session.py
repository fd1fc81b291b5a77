"""What is said when there is no way to the daemon."""

import grp
import os
import pwd
import socket
from pathlib import Path

import pytest

from lipsyncctl.client import address, units, unreachable
from lipsyncctl.client.session import connect
from lipsyncctl.client.unreachable import failure, start
from lipsyncd.errors import AccessDenied, InvalidRequest, ServerUnreachable
from lipsyncd.protocol.address import DEFAULT_SOCKET
from lipsyncd.system.lock import note_command


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A socket that only its owner may use."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    path.chmod(0o600)
    return path


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the system's socket is."""
    for module in (address, units, unreachable):
        monkeypatch.setattr(module, "DEFAULT_SOCKET", str(tmp_path / "control.sock"))
    return tmp_path / "control.sock"


def test_a_socket_that_was_named_may_be_the_wrong_one(tmp_path: Path) -> None:
    hint = start(str(tmp_path / "control.sock"))
    assert hint.startswith("Check --socket and $LIPSYNCD_SOCKET, or start one with ")
    assert f"`lipsyncd --socket {tmp_path}/control.sock`" in hint


@pytest.mark.parametrize(
    "name, unit", [("control.sock", "lipsyncd"), ("cuda0.sock", "lipsyncd@cuda0")]
)
def test_a_daemon_of_the_system_is_a_service(systems: Path, name: str, unit: str) -> None:
    assert f"`systemctl start {unit}`" in start(str(systems.with_name(name)))


@pytest.mark.parametrize(
    "name, unit", [("control.sock", "lipsyncd"), ("cuda0.sock", "lipsyncd@cuda0")]
)
def test_a_daemon_that_runs_and_whose_socket_has_no_file_needs_no_start(
    systems: Path, name: str, unit: str
) -> None:
    there = systems.with_name(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(there))
        listener.listen()
        there.unlink()
        assert f"`systemctl restart {unit}.socket`" in hint_at(there)
    assert f"`systemctl start {unit}`" in hint_at(there)


def test_where_only_an_instance_runs_it_is_named(systems: Path) -> None:
    assert start(str(systems)).endswith("or run `lipsyncd` by hand.")
    instance = systems.with_name("cuda0.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(instance))
    assert start(str(systems)).endswith(f"or use an instance with `--socket {instance}`.")


def test_a_user_without_any_daemon_is_told_of_both_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    own = tmp_path / "lipsyncd/control.sock"
    told = failure(FileNotFoundError(), str(own)).message
    assert f"no socket at {DEFAULT_SOCKET}, the system's, and none at {own}, your own." in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_command_that_a_stranger_has_left_beside_a_socket_is_not_repeated(tmp_path: Path) -> None:
    note_command(tmp_path / "control.sock", "lipsyncd --socket here")
    assert "`lipsyncd --socket here`" in start(str(tmp_path / "control.sock"))
    os.chown(tmp_path / "control.sock.lock", 12345, -1)
    assert "`lipsyncd --socket here`" not in start(str(tmp_path / "control.sock"))


def hint_at(address: Path) -> str:
    with pytest.raises(ServerUnreachable) as raised:
        connect(str(address), 0.0, 1.0, print)
    return raised.value.hint


def test_the_users_own_socket_is_not_one_that_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "`systemctl start lipsyncd`" in start(str(tmp_path / "lipsyncd/control.sock"))


def test_a_socket_of_its_owner_needs_no_group(closed: Path) -> None:
    error = failure(PermissionError(), str(closed))
    assert isinstance(error, AccessDenied)
    assert error.hint == "It is for its owner only."
    closed.chmod(0o660)
    group, user = grp.getgrgid(os.getegid()).gr_name, pwd.getpwuid(os.geteuid()).pw_name
    assert (
        f"`usermod --append --groups {group} {user}`"
        in failure(PermissionError(), str(closed)).hint
    )


def test_a_path_that_is_too_long_for_a_socket_is_told_how_long_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as raised:
        connect(str(tmp_path / ("x" * 107)), 0.0, 1.0, print)
    assert raised.value.hint == "A socket's path has at most 107 bytes."


def test_who_waits_for_a_daemon_says_so_once(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ServerUnreachable):
        connect(str(tmp_path / "control.sock"), 5.0, 1.0, said.append)
    (words,) = said
    assert words.startswith(f"No daemon: there is no socket at {tmp_path}/control.sock. Waiting")
