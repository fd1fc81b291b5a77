"""The control socket: ours alone, never taken from a living daemon, gone when we are."""

import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lipsyncd.errors import ConfigInvalid, StateBusy
from lipsyncd.server.listener import Listener, listening


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
            assert listener.socket.getsockname() == str(path)
        connect(path)


def test_a_passed_socket_of_another_kind_is_refused() -> None:
    passed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach()
    with pytest.raises(ConfigInvalid), listening(Path("unused"), [passed]):
        pass


def test_one_socket_is_passed_or_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="2 sockets"), listening(tmp_path / "unused", [3, 4]):
        pass


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Listener]:
    """A socket in a folder of its own."""
    with listening(tmp_path / "run" / "control.sock", []) as listener:
        yield listener


@pytest.fixture
def passed(tmp_path: Path) -> Iterator[Listener]:
    """A socket that a service manager made, as for the daemon on one device."""
    path = tmp_path / "cuda0.sock"
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(path))
        manager.listen()
        with listening(path, [manager.dup().detach()]) as listener:
            yield listener


def path_of(listener: Listener) -> Path:
    return Path(listener.socket.getsockname())


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_as_long_as_the_file_is_there_nothing_happens(
    own: Listener, passed: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    before = [path_of(own).stat().st_ino, path_of(passed).stat().st_ino]
    own.look()
    passed.look()
    assert [path_of(own).stat().st_ino, path_of(passed).stat().st_ino] == before
    assert told(caplog) == []


def test_a_deleted_file_is_made_anew_behind_the_same_descriptor(
    own: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    path, descriptor = path_of(own), own.socket.fileno()
    own.socket.setblocking(False)
    path.unlink()
    own.look()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        own.socket.accept()[0].close()
    assert (own.socket.fileno(), os.get_inheritable(descriptor)) == (descriptor, False)
    with pytest.raises(BlockingIOError):
        own.socket.accept()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ((level, words),) = told(caplog)
    assert level == logging.WARNING
    assert str(path) in words
    own.look()
    assert len(told(caplog)) == 1


def test_the_folder_may_have_been_deleted_too(own: Listener) -> None:
    path_of(own).unlink()
    (path_of(own).parent / "control.sock.lock").unlink()
    path_of(own).parent.rmdir()
    own.look()
    connect(path_of(own))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other groups to give")
def test_those_who_could_connect_can_connect_again(own: Listener) -> None:
    os.chown(path_of(own), -1, 4100)
    path_of(own).chmod(0o660)
    own.look()
    path_of(own).unlink()
    own.look()
    found = path_of(own).stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (4100, 0o660)


def test_a_file_of_somebody_else_is_told_once_and_never_touched(
    own: Listener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(own)
    path.unlink()
    path.write_text("notes")
    for _ in range(3):
        own.look()
    assert path.read_text() == "notes"
    ((level, words),) = told(caplog)
    assert (level, str(path) in words) == (logging.ERROR, True)
    path.unlink()
    own.look()
    connect(path)


def test_a_file_of_somebody_else_stays_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, []):
        path.unlink()
        path.write_text("notes")
    assert path.read_text() == "notes"


def test_a_socket_made_anew_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, []) as listener:
        path.unlink()
        listener.look()
    assert not path.exists()


@pytest.mark.parametrize("is_replaced", [False, True])
def test_the_file_of_a_passed_socket_is_the_service_managers_to_make(
    passed: Listener, caplog: pytest.LogCaptureFixture, is_replaced: bool
) -> None:
    path = path_of(passed)
    path.unlink()
    if is_replaced:
        path.write_text("notes")
    for _ in range(3):
        passed.look()
    assert path.exists() == is_replaced
    ((level, words),) = told(caplog)
    assert level == logging.ERROR
    assert "`systemctl restart lipsyncd@cuda0.socket`" in words


def test_a_passed_socket_may_have_lost_its_file_before_we_began(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(path))
        manager.listen()
        path.unlink()
        with listening(path, [manager.dup().detach()]) as listener:
            listener.look()
    assert "`systemctl restart lipsyncd.socket`" in caplog.text


def test_a_socket_without_a_file_has_none_to_lose(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind("\0lipsyncd-test")
        manager.listen()
        with listening(Path("unused"), [manager.dup().detach()]) as listener:
            listener.look()
    assert told(caplog) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_socket_passed_from_where_we_may_not_look_is_not_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(tmp_path / "control.sock"))
        manager.listen()
        if not (child := os.fork()):
            os.setuid(4001)
            with suppress(BaseException), listening(Path("x"), [manager.dup().detach()]) as passed:
                passed.look()
                os._exit(len(caplog.records))
            os._exit(99)
        assert os.waitpid(child, 0)[1] == 0


def test_what_cannot_be_looked_at_or_made_is_told_once_and_tried_again(
    own: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(own)
    path.unlink()
    path.parent.rename(path.parent.with_name("away"))
    path.parent.write_text("a file where the folder was")
    for _ in range(3):
        own.look()
    assert [level for level, _ in told(caplog)] == [logging.ERROR]
    path.parent.unlink()
    own.look()
    connect(path)


def test_a_socket_that_cannot_be_opened_leaves_no_file(
    own: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    path_of(own).unlink()
    with monkeypatch.context() as broken:
        broken.setattr(socket.socket, "listen", fail)
        own.look()
    assert not path_of(own).exists()
    own.look()
    connect(path_of(own))


def fail(*_: object) -> None:
    raise OSError("no")
