"""An error of the disk is told apart from what a file is, and from what an operator chose."""

import errno
import os
from pathlib import Path

import pytest

from lipsyncd.errors import ConfigInvalid, DiskFailed, DiskFull, HostExhausted, LipsyncError
from lipsyncd.system.disk import disk_named, size_at, unusable

NAMES: dict[int, type[LipsyncError]] = {
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
    errno.EIO: DiskFailed,
    errno.EROFS: DiskFailed,
    errno.ESTALE: DiskFailed,
    errno.EUCLEAN: DiskFailed,
    errno.EFBIG: DiskFull,
    errno.EMFILE: HostExhausted,
    errno.ENFILE: HostExhausted,
    errno.ENOMEM: HostExhausted,
    errno.EAGAIN: HostExhausted,
}


def error_of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(("number", "name"), NAMES.items())
def test_what_a_disk_refuses_has_a_name(number: int, name: type[LipsyncError]) -> None:
    with pytest.raises(name, match=os.strerror(number)), disk_named():
        raise error_of(number)


def test_no_memory_is_a_limit_of_the_machine() -> None:
    with pytest.raises(HostExhausted), disk_named():
        raise MemoryError


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EEXIST, errno.EINVAL])
def test_what_tells_of_the_file_itself_is_not_the_disks(number: int) -> None:
    with pytest.raises(OSError) as raised, disk_named():
        raise error_of(number)
    assert raised.value.errno == number


def test_a_choice_is_refused_for_good_and_a_failing_disk_for_now() -> None:
    for number in (errno.EACCES, errno.ENOTDIR, errno.EROFS):
        assert isinstance(unusable("/it", error_of(number), "Choose another."), ConfigInvalid)
    for number in (errno.EIO, errno.ENOSPC, errno.EMFILE):
        assert unusable("/it", error_of(number), "Choose another.").retryable


def test_a_file_is_missing_only_if_the_disk_says_so(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"four")
    assert size_at(tmp_path / "there") == 4
    assert size_at(tmp_path / "not") is None
    assert size_at(tmp_path / "there" / "below") is None
    with pytest.raises(OSError, match="File name too long"):
        size_at(tmp_path / ("long" * 100))
