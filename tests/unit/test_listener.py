"""The control socket: ours alone, never taken from a living daemon, gone when we are."""

import socket
import stat
from pathlib import Path

import pytest

from lipsyncd.errors import ConfigInvalid, StateBusy
from lipsyncd.sessions.listener import listening


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_only_this_user_can_connect_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "run/control.sock"
    with listening(path, []):
        connect(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listening(path, []):
        connect(path)


def test_a_living_daemon_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, []):
        with pytest.raises(StateBusy), listening(path, []):
            pass
        connect(path)


def test_a_living_daemon_keeps_its_socket_though_its_lock_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, []):
        (tmp_path / "control.sock.lock").unlink()
        with pytest.raises(StateBusy), listening(path, []):
            pass
        connect(path)


def test_a_socket_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(StateBusy), listening(path, []):
            pass
        connect(path)


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("notes")
    with pytest.raises(ConfigInvalid, match="not a socket"), listening(path, []):
        pass
    assert path.read_text() == "notes"


def test_a_path_too_long_for_a_socket_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid), listening(tmp_path / ("x" * 120), []):
        pass


def test_a_passed_socket_is_used_and_left_in_place(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(path))
        passed.listen()
        with listening(tmp_path / "unused", [passed.dup().detach()]) as listener:
            assert listener.getsockname() == str(path)
        connect(path)


def test_a_passed_socket_of_another_kind_is_refused() -> None:
    passed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach()
    with pytest.raises(ConfigInvalid), listening(Path("unused"), [passed]):
        pass


def test_one_socket_is_passed_or_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="2 sockets"), listening(tmp_path / "unused", [3, 4]):
        pass
