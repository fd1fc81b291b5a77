"""Where a result goes: through links of one's own, never through those that strangers laid out."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lipsyncctl.client import fetch
from lipsyncctl.client.fetch import Destination, sync_folder
from lipsyncctl.client.links import followed
from lipsyncd.errors import InvalidRequest

US, OTHER, THIRD = os.geteuid(), 4001, 4002
CONTENT = b"the result"
needs_root = pytest.mark.skipif(US != 0, reason="only root can make a link of somebody else")


@pytest.fixture
def sticky(tmp_path: Path) -> Path:
    """A folder like /tmp."""
    folder = tmp_path / "sticky"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of ours, in a folder of ours."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "victim").write_bytes(b"mine")
    return tmp_path / "home" / "victim"


@pytest.fixture
def descriptor() -> Iterator[int]:
    """What the daemon hands over."""
    content = os.memfd_create("result")
    os.write(content, CONTENT)
    yield content
    os.close(content)


def link(path: Path, target: Path | str, uid: int = US) -> Path:
    path.symlink_to(target)
    os.lchown(path, uid, -1)
    return path


def deliver(name: object, descriptor: int) -> None:
    Destination.of(str(name)).receive(descriptor, len(CONTENT))


@needs_root
@pytest.mark.parametrize(
    "mode, owners, is_followed",
    [
        (0o1777, (US, OTHER), False),
        (0o1770, (US, OTHER), False),  # shared with a group
        (0o1777, (OTHER, THIRD), False),
        (0o1777, (OTHER, OTHER), True),
        (0o1777, (OTHER, US), True),
        (0o1777, (US, US), True),
        (0o1755, (US, OTHER), True),  # nobody else writes there
        (0o0777, (US, OTHER), True),  # whoever writes there needs no links
    ],
)
def test_whose_link_is_followed_in_which_folder(
    sticky: Path, victim: Path, mode: int, owners: tuple[int, int], is_followed: bool
) -> None:
    folder_of, link_of = owners
    os.chown(sticky, folder_of, -1)
    sticky.chmod(mode)
    name = link(sticky / "x.mp4", victim, link_of)
    if is_followed:
        assert Destination.of(str(name)).path == str(victim)
        return
    with pytest.raises(InvalidRequest, match=f"{name} .* uid {link_of},") as caught:
        Destination.of(str(name))
    assert caught.value.hint


@needs_root
@pytest.mark.parametrize("name", ["sub/x.mp4", "sub/../x.mp4", "./sub//deeper/x.mp4"])
def test_a_strangers_link_in_the_middle_of_the_path_is_refused(
    sticky: Path, victim: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(sticky / "sub", victim.parent, OTHER)
    (victim.parent / "deeper").mkdir()
    monkeypatch.chdir(sticky)
    with pytest.raises(InvalidRequest, match="uid 4001"):
        Destination.of(name)


@needs_root
def test_a_link_of_ours_that_leads_to_a_strangers_is_refused(sticky: Path, victim: Path) -> None:
    link(sticky / "theirs", victim, OTHER)
    ours = link(victim.with_name("ours.mp4"), "../sticky/theirs")
    with pytest.raises(InvalidRequest, match="theirs"):
        Destination.of(str(ours))


def test_paths_lead_where_the_system_says(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(tmp_path / "absolute", victim.parent)
    link(tmp_path / "relative", "home/../home")
    link(tmp_path / "chain", "./relative/victim")
    link(tmp_path / "dangling", "home/new.mp4")
    monkeypatch.chdir(victim.parent)
    for name in (
        *("victim", "../chain", "../absolute/../relative/victim", str(tmp_path / "dangling")),
        *("../no/such/../folder", "/", "..", "x/", "///proc/self/../version"),
    ):
        assert followed(name) == os.path.realpath(name).replace("//", "/")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    name = link(tmp_path / "loop", "loop")
    with pytest.raises(InvalidRequest, match="too many links"):
        Destination.of(str(name))


def test_an_absolute_name_needs_no_folder_to_be_in(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert Destination.of(str(victim)).path == str(victim)


@pytest.mark.parametrize("name", ["out.mp4", "ours.mp4", "../sticky/ours.mp4"])
def test_a_result_comes_through_links_of_ones_own(
    sticky: Path, victim: Path, descriptor: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(victim.with_name("ours.mp4"), "out.mp4")
    link(sticky / "ours.mp4", victim.with_name("out.mp4"))
    monkeypatch.chdir(victim.parent)
    deliver(name, descriptor)
    assert victim.with_name("out.mp4").read_bytes() == CONTENT
    assert sorted(os.listdir(victim.parent)) == ["ours.mp4", "out.mp4", "victim"]


@pytest.mark.parametrize("moved", ["x.mp4", "", ".."])
def test_a_name_that_leads_elsewhere_when_the_result_comes_is_refused(
    tmp_path: Path, victim: Path, descriptor: int, moved: str
) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    destination = Destination.of(str(folder / "x.mp4"))
    place = Path(os.path.normpath(folder / moved))
    if place.exists():
        place.rename(tmp_path / "away")
        (victim.parent / "b").mkdir()
    link(place, victim if moved == "x.mp4" else victim.parent)
    with pytest.raises(InvalidRequest, match="another place"):
        destination.receive(descriptor, len(CONTENT))
    assert victim.read_bytes() == b"mine"
    assert [path for path in tmp_path.rglob("x.mp4") if not path.is_symlink()] == []


def test_a_folder_exchanged_after_the_links_were_looked_at_is_refused(
    tmp_path: Path, victim: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    destination = Destination.of(str(folder / "victim"))
    folder.rename(tmp_path / "away")
    link(folder, victim.parent)
    monkeypatch.setattr(fetch, "followed", lambda _name: destination.path)
    with pytest.raises(InvalidRequest, match="another place"):
        destination.receive(descriptor, len(CONTENT))
    assert victim.read_bytes() == b"mine"


def test_a_folder_exchanged_during_the_copy_keeps_what_it_was_given(
    tmp_path: Path, victim: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def copy(source: int, target: int, size: int) -> None:
        folder.rename(tmp_path / "away")
        link(folder, victim.parent)
        os.write(target, os.pread(source, size, 0))

    monkeypatch.setattr(fetch, "copy", copy)
    deliver(folder / "victim", descriptor)
    assert victim.read_bytes() == b"mine"
    assert (tmp_path / "away" / "victim").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_synced_is_no_failure() -> None:
    folder = os.open("/proc/self", os.O_PATH)
    with pytest.raises(OSError, match="Invalid"):  # or it would not be one
        synced("/proc/self")
    sync_folder(folder)
    os.close(folder)


@needs_root
def test_a_folder_that_may_not_be_read_is_not_synced_which_is_no_failure(sticky: Path) -> None:
    folder = os.open(sticky, os.O_PATH)
    sticky.chmod(0o733)
    if not (child := os.fork()):
        os.setuid(OTHER)
        with suppress(BaseException):
            sync_folder(folder)
            os._exit(0)
        os._exit(1)
    os.close(folder)
    assert os.waitpid(child, 0)[1] == 0


def synced(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def failing_at(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on fsync of the folder fails."""

    def fail(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(folder):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.parametrize("name", ["EINVAL", "EOPNOTSUPP", "ENOSYS", "ENOTTY", "EBADF", "EPERM"])
def test_a_result_in_its_place_is_no_failure_where_a_folder_has_no_fsync(
    tmp_path: Path, descriptor: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at(tmp_path, getattr(errno, name), monkeypatch)
    deliver(tmp_path / "out.mp4", descriptor)
    assert (tmp_path / "out.mp4").read_bytes() == CONTENT


def test_a_disk_that_fails_under_the_folder_is_told(
    tmp_path: Path, descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at(tmp_path, errno.EIO, monkeypatch)
    with pytest.raises(InvalidRequest, match="Input/output error"):
        deliver(tmp_path / "out.mp4", descriptor)


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\N{GRINNING FACE}"])
def test_a_name_as_long_as_the_file_system_takes_is_written(
    tmp_path: Path, descriptor: int, letter: str
) -> None:
    most = os.pathconf(tmp_path, "PC_NAME_MAX")
    width = len(letter.encode())
    name = letter * (most // width) + "x" * (most % width)
    deliver(tmp_path / name, descriptor)
    assert os.listdir(tmp_path) == [name]
    with pytest.raises(InvalidRequest, match=f"more than {most} bytes"):
        Destination.of(str(tmp_path / f"{name}x"))


@needs_root
def test_a_file_that_is_read_only_is_not_replaced() -> None:
    """Root may write to each, so somebody else asks."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    (folder / "out.mp4").write_bytes(b"mine")
    for path, mode in ((folder / "out.mp4", 0o444), (folder, 0o777)):
        path.chmod(mode)
    if not (child := os.fork()):
        os.setuid(OTHER)
        with suppress(BaseException):
            Destination.of(str(folder / "new.mp4"))
            with pytest.raises(InvalidRequest, match="is read-only"):
                Destination.of(str(folder / "out.mp4"))
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    shutil.rmtree(folder)
