"""One process at a time holds a lock, and what guards a directory cannot be deleted."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from lipsyncd.errors import HostExhausted, StateBusy
from lipsyncd.system.lock import locked, locked_directory


def test_a_directory_is_held_by_one_though_the_file_in_it_is_deleted(tmp_path: Path) -> None:
    with locked_directory(tmp_path, "the state"):
        (tmp_path / "lock").unlink()
        with (
            pytest.raises(StateBusy, match="uses the state"),
            locked_directory(tmp_path, "the state"),
        ):
            pass
    with locked_directory(tmp_path, "the state"):
        pass


def test_where_directories_cannot_be_locked_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def flock_of_nfs(descriptor: int, operation: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_of_nfs)
    with (
        locked_directory(tmp_path, "the state"),
        pytest.raises(StateBusy),
        locked_directory(tmp_path, "the state"),
    ):
        pass


def test_a_file_that_cannot_be_locked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(HostExhausted, match="No locks"), locked(tmp_path / "lock", "the state"):
        pass
