"""What is said when there is no way to the daemon."""

import socket
from pathlib import Path

import pytest

from lipsyncctl.client import session
from lipsyncctl.client.session import GROUP, connect, failure, start
from lipsyncd.errors import AccessDenied, InvalidRequest, ServerUnreachable
from lipsyncd.protocol.wire import DEFAULT_SOCKET


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A socket that only its owner may use."""
    address = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
    address.chmod(0o600)
    return address


def test_a_socket_that_was_named_may_be_the_wrong_one(tmp_path: Path) -> None:
    hint = start(tmp_path / "control.sock")
    assert hint.startswith("Check --socket and $LIPSYNCD_SOCKET, or start one with ")
    assert f"`lipsyncd --socket {tmp_path}/control.sock`" in hint


@pytest.mark.parametrize(
    "name, unit", [("control.sock", "lipsyncd"), ("cuda0.sock", "lipsyncd@cuda0")]
)
def test_a_daemon_of_the_system_is_a_service(name: str, unit: str) -> None:
    assert f"`systemctl start {unit}`" in start(DEFAULT_SOCKET.with_name(name))


@pytest.mark.parametrize(
    "name, unit", [("control.sock", "lipsyncd"), ("cuda0.sock", "lipsyncd@cuda0")]
)
def test_a_daemon_that_runs_and_whose_socket_has_no_file_needs_no_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, unit: str
) -> None:
    monkeypatch.setattr(session, "DEFAULT_SOCKET", tmp_path / "control.sock")
    address = tmp_path / name
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        address.unlink()
        assert f"`systemctl restart {unit}.socket`" in hint_at(address)
    assert f"`systemctl start {unit}`" in hint_at(address)


def test_where_only_an_instance_runs_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(session, "DEFAULT_SOCKET", tmp_path / "control.sock")
    assert start(tmp_path / "control.sock").endswith("or run `lipsyncd` by hand.")
    (tmp_path / "cuda0.sock").touch()
    hint = start(tmp_path / "control.sock")
    assert hint.endswith(f"or use an instance with `--socket {tmp_path}/cuda0.sock`.")


def hint_at(address: Path) -> str:
    with pytest.raises(ServerUnreachable) as raised:
        connect(address, 0.0, 1.0, print)
    return raised.value.hint


def test_the_users_own_socket_is_not_one_that_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LIPSYNCD_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "`systemctl start lipsyncd`" in start(tmp_path / "lipsyncd/control.sock")


def test_a_socket_of_its_owner_needs_no_group(closed: Path) -> None:
    error = failure(PermissionError(), closed)
    assert isinstance(error, AccessDenied)
    assert error.hint == "It is for its owner only."
    closed.chmod(0o660)
    assert failure(PermissionError(), closed).hint == GROUP


def test_a_path_that_is_too_long_for_a_socket_is_told_how_long_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as raised:
        connect(tmp_path / ("x" * 107), 0.0, 1.0, print)
    assert raised.value.hint == "A socket's path has at most 107 bytes."


def test_who_waits_for_a_daemon_says_so_once(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ServerUnreachable):
        connect(tmp_path / "control.sock", 1.3, 1.0, said.append)
    (words,) = said
    assert words.startswith(f"No daemon: there is no socket at {tmp_path}/control.sock. Waiting")
