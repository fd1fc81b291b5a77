"""The spool takes real files only, copies them whole, and leaves nothing it does not need."""

import fcntl
import mmap
import os
import resource
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsyncd.config import Config, Limits, LiveConfig
from lipsyncd.errors import (
    DiskFailed,
    DiskFull,
    FileTooLarge,
    InputGone,
    LipsyncError,
    NoResult,
    NotAFile,
    UnreadableMedia,
)
from lipsyncd.protocol.state import State
from lipsyncd.queue import snapshot
from lipsyncd.queue.contents import EARLIER, WORK
from lipsyncd.queue.snapshot import CHUNK, Opened, copy, examined
from lipsyncd.queue.spool import Spool, created

Opener = Callable[..., int]


@pytest.fixture
def live_config() -> LiveConfig:
    return LiveConfig(Config(limits=Limits(max_face_bytes=10 * CHUNK, max_voice_bytes=100)))


@pytest.fixture
def spool(tmp_path: Path, live_config: LiveConfig) -> Spool:
    return Spool(tmp_path / "spool", live_config)


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


@pytest.fixture
def disk(small_disk: Callable[[int], Path]) -> Path:
    """A file system that is full after four files of CHUNK bytes."""
    return small_disk(4 * CHUNK)


def names_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_inputs_are_copied_whole(spool: Spool, opened: Opener) -> None:
    content = os.urandom(3 * CHUNK + 17)
    assert spool.admit("k3", Opened(opened(content), opened(b"voice"))) == len(content) + 5
    paths = spool.paths("k3")
    assert paths.face.read_bytes() == content
    assert paths.voices[0].read_bytes() == b"voice"
    assert not paths.result.exists()


def test_only_the_daemon_can_read_the_copies(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    paths = spool.paths("k3")
    assert stat.S_IMODE(paths.face.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.face.parent.stat().st_mode) == 0o700


def test_the_clients_position_is_neither_used_nor_moved(spool: Spool, opened: Opener) -> None:
    face = opened(b"a whole face")
    os.lseek(face, 5, os.SEEK_SET)
    spool.admit("k3", Opened(face, opened(b"voice")))
    assert spool.paths("k3").face.read_bytes() == b"a whole face"
    assert os.lseek(face, 0, os.SEEK_CUR) == 5


def test_a_file_in_memory_is_copied_across_file_systems(spool: Spool, opened: Opener) -> None:
    content = os.urandom(CHUNK + 1)
    memory = os.memfd_create("face")
    os.write(memory, content)
    spool.admit("k3", Opened(memory, opened(b"voice")))
    os.close(memory)
    assert spool.paths("k3").face.read_bytes() == content


def test_a_file_opened_for_reading_and_writing_will_do(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face", os.O_RDWR), opened(b"voice")))
    assert spool.paths("k3").face.read_bytes() == b"face"


def test_what_is_no_file_is_refused(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    left, right = socket.socketpair()
    directory, device = os.open(tmp_path, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY)
    for descriptor in (reader, left.fileno(), directory, device):
        with pytest.raises(NotAFile, match="not a regular file"):
            spool.admit("k3", Opened(descriptor, opened(b"voice")))
    for descriptor in (reader, writer, directory, device):
        os.close(descriptor)
    left.close()
    right.close()
    assert names_in(tmp_path / "spool") == []


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_PATH, os.O_WRONLY | os.O_APPEND])
def test_a_file_that_cannot_be_read_is_refused(spool: Spool, opened: Opener, flags: int) -> None:
    with pytest.raises(NotAFile, match="not opened for reading"):
        spool.admit("k3", Opened(opened(b"face"), opened(b"v", flags)))


def test_a_file_over_its_limit_is_refused_unread(spool: Spool, opened: Opener) -> None:
    with pytest.raises(FileTooLarge, match="voice has 101 bytes, and 100 is the limit"):
        spool.admit("k3", Opened(opened(b"face"), opened(bytes(101))))


def test_a_limit_that_is_changed_holds_for_the_next_file(
    spool: Spool, opened: Opener, live_config: LiveConfig
) -> None:
    live_config.config = Config(limits=Limits(max_face_bytes=3))
    with pytest.raises(FileTooLarge, match="face has 4 bytes, and 3 is the limit"):
        spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))


@pytest.mark.parametrize("content", [b"a face that grew meanwhile", b"fa", b"FACE"])
def test_a_file_that_changes_while_it_is_copied_is_refused(
    opened: Opener, tmp_path: Path, content: bytes
) -> None:
    face = opened(b"face", os.O_RDWR)
    checked = examined(face, "face", 4)
    os.truncate(face, 0)
    os.pwrite(face, content, 0)
    os.utime(face, ns=(0, checked.st_mtime_ns + 1))  # some clocks of file systems are slow
    with (
        created(tmp_path / "face") as target,
        pytest.raises(InputGone, match="face changed while it was copied"),
    ):
        copy(face, target, "face", checked)
    assert (tmp_path / "face").stat().st_size <= 4


def test_a_file_that_cannot_be_read_is_its_owners_fault(spool: Spool, opened: Opener) -> None:
    path = Path("/sys/class/net/lo/speed")  # has a size, and a read of it fails
    if not path.exists():
        pytest.skip(f"there is no {path}")
    with path.open("rb") as file, pytest.raises(UnreadableMedia, match="The face cannot be read"):
        spool.admit("k3", Opened(file.fileno(), opened(b"voice")))


def test_a_refused_voice_leaves_no_face(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    with pytest.raises(LipsyncError):
        spool.admit("k3", Opened(opened(b"face"), opened(bytes(101))))
    assert names_in(tmp_path / "spool") == []


def test_a_copy_that_fails_leaves_nothing(spool: Spool, opened: Opener, tmp_path: Path) -> None:
    face, voice = opened(bytes(3 * CHUNK)), opened(b"voice")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, before[1]))
    try:
        with pytest.raises(DiskFull, match="File too large"):
            spool.admit("k3", Opened(face, voice))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names_in(tmp_path / "spool") == []


def test_a_full_disk_takes_no_job_and_keeps_no_part_of_it(
    disk: Path, live_config: LiveConfig, opened: Opener
) -> None:
    spool = Spool(disk / "spool", live_config)
    spool.admit("k3", Opened(opened(bytes(2 * CHUNK)), opened(b"voice")))
    free = spool.free_bytes()
    with pytest.raises(DiskFull, match="No space left"):
        spool.admit("m5", Opened(opened(bytes(3 * CHUNK)), opened(b"voice")))
    assert names_in(disk / "spool") == ["k3.new", "k3.new/face", "k3.new/voice"]
    assert spool.free_bytes() == free
    assert 0 < free <= 2 * CHUNK


def test_a_disk_that_cannot_be_written_to_is_named_and_what_is_on_it_stays(
    disk: Path, live_config: LiveConfig, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(disk / "spool", live_config)
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.accept("k3")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(DiskFailed, match="Read-only file system"):
        spool.admit("m5", Opened(opened(b"face"), opened(b"voice")))
    with pytest.raises(DiskFailed, match="Read-only file system"):
        spool.link("k3", "m5")
    for _ in range(2):
        assert not spool.discard("k3")
        assert not spool.spare("k3")
    assert spool.paths("k3").face.read_bytes() == b"face"
    (told,) = [record.getMessage() for record in caplog.records]
    assert "k3/" in told and "cannot be removed: Read-only file system" in told
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert spool.discard("k3")
    assert names_in(disk / "spool") == []


def test_a_retry_shares_the_inputs_and_outlives_the_first_job(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.accept("k3")
    spool.tidy("k3", State.FAILED)
    assert spool.link("k3", "m5") == 9
    assert spool.paths("m5").face.samefile(spool.paths("k3").face)
    assert spool.discard("k3")
    paths = spool.paths("m5")
    assert (paths.face.read_bytes(), paths.voices[0].read_bytes()) == (b"face", b"voice")


def test_a_redo_shares_the_inputs_and_the_work_whatever_becomes_of_the_first_job(
    spool: Spool, opened: Opener
) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.accept("k3")
    spool.paths("k3").work.write_bytes(b"parts")
    assert spool.link("k3", "m5", earlier=WORK) == 14 == spool.bytes_of("m5")
    assert spool.spare("k3")
    paths = spool.paths("m5", is_redo=True)
    assert paths.earlier and paths.earlier.read_bytes() == b"parts"
    assert (paths.face.read_bytes(), paths.work.exists()) == (b"face", False)
    assert spool.link("m5", "n7", earlier=EARLIER) == 14
    spool.accept("n7")
    paths.earlier.unlink()
    for look in (
        lambda: spool.paths("m5", is_redo=True),
        lambda: spool.link("m5", "p9", earlier=EARLIER),
        lambda: spool.link("n7", "p9", earlier=WORK),
    ):
        with pytest.raises(InputGone, match="The work is no longer in the spool"):
            look()
    assert spool.paths("m5").earlier is None


@pytest.mark.parametrize("name", ["face", "voice"])
def test_a_retry_without_all_of_its_inputs_leaves_nothing(
    spool: Spool, opened: Opener, tmp_path: Path, name: str
) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.accept("k3")
    (tmp_path / "spool/k3" / name).unlink()
    for old in ("k3", "never there"):
        with pytest.raises(InputGone):
            spool.link(old, "m5")
    assert "m5" not in names_in(tmp_path / "spool")


@pytest.mark.parametrize("count", [2, 3])
def test_a_dialogue_has_all_its_voices_or_is_no_longer_there(
    spool: Spool, opened: Opener, tmp_path: Path, count: int
) -> None:
    said = [b"voice" * (number + 2) for number in range(count)]
    size = spool.admit("k3", Opened(opened(b"face"), *map(opened, said)))
    spool.accept("k3")
    assert [voice.read_bytes() for voice in spool.paths("k3", count).voices] == said
    assert spool.link("k3", "m5", count) == size == spool.bytes_of("m5")
    assert [voice.read_bytes() for voice in spool.paths("m5", count).voices] == said
    (tmp_path / f"spool/k3/voice{count}").unlink()
    for look in (lambda: spool.paths("k3", count), lambda: spool.link("k3", "n7", count)):
        with pytest.raises(InputGone, match="The voice is no longer"):
            look()


def test_pictures_of_people_come_after_the_voices_and_go_with_them(
    spool: Spool, opened: Opener, tmp_path: Path
) -> None:
    files = map(opened, (b"face", b"anna", b"berta", b"her picture", b"his"))
    size = spool.admit("k3", Opened(*files), pictures=2)
    spool.accept("k3")
    assert spool.link("k3", "m5", 2, 2) == size == spool.bytes_of("m5")
    paths = spool.paths("m5", 2, 2)
    assert [voice.read_bytes() for voice in paths.voices] == [b"anna", b"berta"]
    assert [picture.read_bytes() for picture in paths.pictures] == [b"her picture", b"his"]
    assert (tmp_path / "spool/k3/voice2").read_bytes() == b"berta"
    (tmp_path / "spool/k3/picture2").unlink()
    with pytest.raises(InputGone, match="The picture is no longer"):
        spool.paths("k3", 2, 2)


def test_work_that_was_done_before_comes_last_and_is_what_the_render_goes_on_from(
    spool: Spool, opened: Opener
) -> None:
    files = map(opened, (b"face", b"anna", b"her picture", b"some parts"))
    size = spool.admit("k3", Opened(*files), pictures=1, has_work=True)
    spool.accept("k3")
    paths = spool.paths("k3", 1, 1)
    assert paths.work.read_bytes() == b"some parts"
    assert [picture.read_bytes() for picture in paths.pictures] == [b"her picture"]
    assert size == sum(map(len, (b"face", b"anna", b"her picture", b"some parts")))


def test_a_picture_may_be_as_large_as_a_face_and_is_called_one(
    spool: Spool, opened: Opener
) -> None:
    with pytest.raises(FileTooLarge, match="The picture has"):
        spool.admit("k3", Opened(*map(opened, (b"face", b"v", bytes(11 * CHUNK)))), pictures=1)


def test_the_bytes_of_a_job_are_those_of_what_it_has_now(
    spool: Spool, opened: Opener, tmp_path: Path
) -> None:
    assert spool.bytes_of("k3") == 0
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    assert spool.bytes_of("k3") == 9
    (tmp_path / "spool/k3/result").write_bytes(b"result")
    assert spool.bytes_of("k3") == 15
    assert spool.spare("k3")
    assert spool.bytes_of("k3") == 6


def test_an_input_that_vanished_is_named(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.paths("k3").voices[0].unlink()
    with pytest.raises(InputGone, match="voice"):
        spool.paths("k3")


def test_a_result_is_handed_out_for_reading_only(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    spool.paths("k3").result.write_bytes(b"result")
    assert spool.seal("k3") == 6
    result = spool.open_result("k3")
    assert os.read(result, 9) == b"result"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(result, b"mine now")
    assert not os.get_inheritable(result)
    os.close(result)


def test_a_result_that_vanished_is_named(spool: Spool) -> None:
    with pytest.raises(NoResult, match="removed when its time was over"):
        spool.open_result("k3")


def test_files_that_are_gone_already_can_be_removed_again(spool: Spool) -> None:
    assert spool.discard("k3")
    for state in State:
        spool.tidy("k3", state)


@pytest.mark.parametrize(
    "state, kept",
    [
        (State.QUEUED, ["earlier", "face", "voice", "work"]),
        (State.RUNNING, ["earlier", "face", "voice", "work"]),
        (State.SUCCEEDED, ["face", "result", "voice", "work"]),
        (State.FAILED, ["earlier", "face", "voice"]),
        (State.CANCELLED, ["earlier", "face", "voice"]),
        (State.EXPIRED, ["earlier", "face", "voice"]),
        (State.QUARANTINED, ["face", "voice"]),
    ],
)
def test_only_what_a_state_needs_is_kept(
    spool: Spool, opened: Opener, state: State, kept: list[str] | None
) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    directory = spool.paths("k3").face.parent
    for name in ("earlier", "result", "result.part", "work"):
        (directory / name).write_bytes(b"")
    spool.tidy("k3", state)
    assert (names_in(directory) if directory.exists() else None) == kept


def test_a_folder_has_its_name_once_the_store_knows_the_job(
    spool: Spool, opened: Opener, tmp_path: Path
) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    assert [(each.job, each.is_new) for each in spool.entries()] == [("k3", True)]
    spool.accept("k3")
    assert [(each.job, each.is_new) for each in spool.entries()] == [("k3", False)]
    assert names_in(tmp_path / "spool") == ["k3", "k3/face", "k3/voice"]


def test_a_folder_that_could_not_get_its_name_gets_it_when_it_is_used(
    spool: Spool, opened: Opener
) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    assert spool.paths("k3").face.read_bytes() == b"face"
    assert not any(each.is_new for each in spool.entries())


def test_a_discard_takes_what_was_never_accepted_as_well(spool: Spool, opened: Opener) -> None:
    spool.admit("k3", Opened(opened(b"face"), opened(b"voice")))
    assert spool.discard("k3")
    assert spool.entries() == []


@pytest.mark.parametrize("size", [1, 4096, CHUNK - 1, CHUNK, 2 * CHUNK + 777])
def test_a_file_that_was_opened_past_the_page_cache_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = os.urandom(size)
    (tmp_path / "face").write_bytes(content)
    try:
        descriptor = os.open(tmp_path / "face", os.O_RDONLY | os.O_DIRECT)
        os.preadv(descriptor, [mmap.mmap(-1, CHUNK)], 0)
    except OSError:
        pytest.skip("this file system knows no O_DIRECT")
    monkeypatch.setattr(snapshot, "_clone", lambda *_: False)
    monkeypatch.setattr(snapshot, "_copy_range", lambda *_: None)  # so that it is copied by hand
    with created(tmp_path / "copy") as target:
        copy(descriptor, target, "face", examined(descriptor, "face", size))
    assert (tmp_path / "copy").read_bytes() == content
    assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT
    os.close(descriptor)


@pytest.mark.parametrize("done", [0, 1000, CHUNK, CHUNK + 5])
def test_a_copy_goes_on_where_the_kernel_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Opener, done: int
) -> None:
    content = os.urandom(3 * CHUNK + 77)
    source = opened(content)

    def partly(source: int, target: int, *_: object) -> None:
        os.pwrite(target, os.pread(source, done, 0), 0)

    monkeypatch.setattr(snapshot, "_clone", lambda *_: False)
    monkeypatch.setattr(snapshot, "_copy_range", partly)
    with created(tmp_path / "copy") as target:
        copy(source, target, "face", examined(source, "face", len(content)))
    assert (tmp_path / "copy").read_bytes() == content
