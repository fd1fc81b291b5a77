"""The spool takes real files only, copies them whole, and leaves nothing it does not need."""

import errno
import os
import resource
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsyncd.config import Limits
from lipsyncd.errors import DiskFull, FileTooLarge, InputGone, LipsyncError, NoResult, NotAFile
from lipsyncd.jobs.job import State
from lipsyncd.jobs.spool import CHUNK, Spool, full_disk_named

Opener = Callable[..., int]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", Limits(max_face_bytes=10 * CHUNK, max_voice_bytes=100))


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """Open a new file with this content, as a client would; closed after the test."""

    def open_file(content: bytes, flags: int = os.O_RDONLY) -> int:
        path = tmp_path / f"input-{len(content)}"
        path.write_bytes(content)
        descriptor = os.open(path, flags)
        request.addfinalizer(lambda: os.close(descriptor))
        return descriptor

    return open_file


def names_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_inputs_are_copied_whole(spool: Spool, opened: Opener) -> None:
    content = os.urandom(3 * CHUNK + 17)
    spool.admit("k3", opened(content), opened(b"voice"))
    paths = spool.paths("k3")
    assert paths.face.read_bytes() == content
    assert paths.voice.read_bytes() == b"voice"
    assert not paths.result.exists()


def test_only_the_daemon_can_read_the_copies(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", opened(b"face"), opened(b"voice"))
    paths = spool.paths("k3")
    assert stat.S_IMODE(paths.face.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.face.parent.stat().st_mode) == 0o700


def test_the_clients_position_is_neither_used_nor_moved(spool: Spool, opened: Opener) -> None:
    face = opened(b"a whole face")
    os.lseek(face, 5, os.SEEK_SET)
    spool.admit("k3", face, opened(b"voice"))
    assert spool.paths("k3").face.read_bytes() == b"a whole face"
    assert os.lseek(face, 0, os.SEEK_CUR) == 5


def test_a_file_in_memory_is_copied_across_file_systems(spool: Spool, opened: Opener) -> None:
    content = os.urandom(CHUNK + 1)
    memory = os.memfd_create("face")
    os.write(memory, content)
    spool.admit("k3", memory, opened(b"voice"))
    os.close(memory)
    assert spool.paths("k3").face.read_bytes() == content


def test_a_file_opened_for_reading_and_writing_will_do(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", opened(b"face", os.O_RDWR), opened(b"voice"))


def test_what_is_no_file_is_refused(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    left, right = socket.socketpair()
    directory, device = os.open(tmp_path, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY)
    for descriptor in (reader, left.fileno(), directory, device):
        with pytest.raises(NotAFile, match="not a regular file"):
            spool.admit("k3", descriptor, opened(b"voice"))
    for descriptor in (reader, writer, directory, device):
        os.close(descriptor)
    left.close()
    right.close()
    assert names_in(tmp_path / "spool") == []


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_PATH, os.O_WRONLY | os.O_APPEND])
def test_a_file_that_cannot_be_read_is_refused(spool: Spool, opened: Opener, flags: int) -> None:
    with pytest.raises(NotAFile, match="not opened for reading"):
        spool.admit("k3", opened(b"face"), opened(b"v", flags))


def test_a_file_over_its_limit_is_refused_unread(spool: Spool, opened: Opener) -> None:
    with pytest.raises(FileTooLarge, match="voice has 101 bytes, and 100 is the limit"):
        spool.admit("k3", opened(b"face"), opened(bytes(101)))


def test_a_refused_voice_leaves_no_face(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    with pytest.raises(LipsyncError):
        spool.admit("k3", opened(b"face"), opened(bytes(101)))
    assert names_in(tmp_path / "spool") == []


def test_a_copy_that_fails_leaves_nothing(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    face, voice = opened(bytes(3 * CHUNK)), opened(b"voice")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            spool.admit("k3", face, voice)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names_in(tmp_path / "spool") == []


def test_only_a_lack_of_room_is_a_full_disk() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT):
        with pytest.raises(DiskFull), full_disk_named():
            raise OSError(number, os.strerror(number))
    with pytest.raises(OSError, match="error"), full_disk_named():
        raise OSError(errno.EIO, "Input/output error")


def test_an_input_that_vanished_is_named(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", opened(b"face"), opened(b"voice"))
    spool.paths("k3").voice.unlink()
    with pytest.raises(InputGone, match="voice"):
        spool.paths("k3")


def test_a_result_is_handed_out_for_reading_only(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", opened(b"face"), opened(b"voice"))
    spool.paths("k3").result.write_bytes(b"result")
    assert spool.seal("k3") == 6
    result = spool.open_result("k3")
    assert os.read(result, 9) == b"result"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(result, b"mine now")
    assert not os.get_inheritable(result)
    os.close(result)


def test_a_result_that_vanished_is_named(spool: Spool) -> None:
    with pytest.raises(NoResult):
        spool.open_result("k3")


@pytest.mark.parametrize(
    "state, kept",
    [
        (State.QUEUED, ["face", "voice"]),
        (State.RUNNING, ["face", "voice"]),
        (State.SUCCEEDED, ["result"]),
        (State.FAILED, None),
        (State.CANCELLED, None),
        (State.EXPIRED, None),
        (State.QUARANTINED, None),
    ],
)
def test_only_what_a_state_needs_is_kept(
    spool: Spool, opened: Opener, state: State, kept: list[str] | None
) -> None:
    spool.admit("k3", opened(b"face"), opened(b"voice"))
    directory = spool.paths("k3").face.parent
    for name in ("result", "result.part"):
        (directory / name).write_bytes(b"")
    spool.tidy("k3", state)
    assert (names_in(directory) if directory.exists() else None) == kept


def test_a_sweep_removes_what_belongs_to_no_job(
    spool: Spool, opened: Opener, tmp_path: Path
) -> None:
    for name in ("waiting", "ended", "stranger"):
        spool.admit(name, opened(b"face"), opened(b"voice"))
        (spool.paths(name).result).write_bytes(b"result")
    (tmp_path / "spool/stray.part").write_bytes(b"")
    spool.sweep({"waiting": State.QUEUED, "ended": State.SUCCEEDED, "never copied": State.QUEUED})
    assert names_in(tmp_path / "spool") == [
        "ended",
        "ended/result",
        "waiting",
        "waiting/face",
        "waiting/voice",
    ]
