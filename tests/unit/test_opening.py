"""Opening a file is bounded in bytes; what the disk fails to give of it is no verdict on it."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.measure import measured
from support.media import bombs
from support.media.synthetic import moving, tone, write_still, write_video, write_voice

from lipsyncd.errors import DiskFailed, FileTooLarge, HostExhausted, InputGone, LipsyncError
from lipsyncd.media import container, header
from lipsyncd.media.limits import OPENING_BYTES
from lipsyncd.media.source import examine_source
from lipsyncd.media.voice import examine_voice, waveform

MIB = 1 << 20
MOST_MIB = (OPENING_BYTES >> 20) + 64  # of memory that an opening takes

FAULTS: dict[int, type[LipsyncError]] = {errno.EIO: DiskFailed, errno.ENOMEM: HostExhausted}

Render = Callable[[Path], None]


def face(path: Path) -> None:
    """Looked at, and read to its end."""
    for _ in examine_source(path, "The face").frames():
        pass


def voice(path: Path) -> None:
    """Looked at, and heard to its end."""
    for _ in waveform(examine_voice(path, "The voice")):
        pass


# Bytes


def attachments(path: Path) -> None:
    bombs.with_attachments(path, 5, 100 * MIB)


def a_large_attachment(path: Path) -> None:
    bombs.with_attachments(path, 1, 600 * MIB)


def tags(path: Path) -> None:
    path.write_bytes(bombs.matroska_with_tags(8, 14 * MIB))


def texts(path: Path) -> None:
    path.write_bytes(bombs.avi_with_texts(8, 14 * MIB))


def a_large_index(path: Path) -> None:
    """Its end is a hole."""
    whole, size = bombs.mp4(), 200 * MIB
    start = whole.index(b"moov") - 4
    content = bombs.in_index(whole, bombs.box(b"udta", b""))
    more = int.from_bytes(content[start : start + 4]) + size
    path.write_bytes(content[:start] + more.to_bytes(4) + content[start + 4 :])
    os.truncate(path, len(content) + size)


@pytest.mark.parametrize("make", [attachments, a_large_attachment, tags, texts, a_large_index])
@pytest.mark.parametrize("use", [face, voice])
def test_a_file_with_more_in_it_than_pictures_and_sound_is_refused(
    tmp_path: Path, make: Callable[[Path], None], use: Render
) -> None:
    make(tmp_path / "file")
    with (
        measured() as cost,
        pytest.raises(FileTooLarge, match="neither picture nor sound") as caught,
    ):
        use(tmp_path / "file")
    print(f"\n  {cost.mib} MiB, {cost.seconds:.1f} s")
    assert "`ffmpeg -i IN " in caught.value.hint
    assert cost.mib < MOST_MIB


def test_a_film_with_its_fonts_is_opened(tmp_path: Path) -> None:
    face(bombs.with_attachments(tmp_path / "face", 20, 2 * MIB))


@pytest.mark.parametrize("suffix", ["avi", "mkv"])
def test_pictures_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """libav reads some of them to know what they are."""
    monkeypatch.setattr(container, "OPENING_BYTES", 6 * MIB)
    monkeypatch.setattr(header, "OPENING_BYTES", 6 * MIB)
    path = tmp_path / f"face.{suffix}"
    write_video(path, moving(40, 640, 480), codec="rawvideo")
    assert path.stat().st_size > 12 * MIB
    face(path)


def test_fragments_are_skipped_through_however_many_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each the first few kilobytes are read."""
    fragments = {"movflags": "frag_every_frame+empty_moov"}
    path = write_video(tmp_path / "face.mp4", moving(50), container_options=fragments)
    assert path.stat().st_size > 10_000
    monkeypatch.setattr(container, "OPENING_BYTES", 5_000)
    face(path)


def test_the_largest_image_is_no_attachment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "OPENING_BYTES", 1000)
    path = write_still(tmp_path / "face.png", moving(1, 640, 480)[0])
    assert path.stat().st_size > 1000
    face(path)


# What the disk does not give


class Failing(io.FileIO):
    """A file of which one reading fails, and perhaps was not made."""

    left = 0
    error = OSError()
    failed = False

    def readinto(self, buffer: memoryview) -> int:
        return self._unless_due(lambda: super(Failing, self).readinto(buffer))

    def readall(self) -> bytes:
        return self._unless_due(super().readall)

    def _unless_due(self, read: Callable[[], int | bytes]) -> int | bytes:
        Failing.left -= 1
        if Failing.left == 0:
            Failing.failed = True
            raise Failing.error
        return read()


class Readings:
    """A file each reading of which may fail."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(Failing(self._path))


def write_mp4(path: Path) -> Path:
    return write_video(path.with_suffix(".mp4"), moving(5), sound=tone(1.0))


def write_mkv(path: Path) -> Path:
    return write_video(path.with_suffix(".mkv"), moving(5), sound=tone(1.0))


def write_ts(path: Path) -> Path:
    return write_video(path.with_suffix(".ts"), moving(5), sound=tone(1.0))


def write_png(path: Path) -> Path:
    return write_still(path.with_suffix(".png"), moving(1)[0])


def write_wav(path: Path) -> Path:
    return write_voice(path.with_suffix(".wav"), tone(1.0))


def write_flac(path: Path) -> Path:
    return write_voice(path.with_suffix(".flac"), tone(1.0), 16000, "flac")


def write_mp3(path: Path) -> Path:
    return write_voice(path.with_suffix(".mp3"), tone(1.0, 44100), 44100, "libmp3lame")


@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize(
    ("write", "use"),
    [
        (write_mp4, face),
        (write_mkv, face),
        (write_ts, face),
        (write_png, face),
        (write_mp4, voice),
        (write_wav, voice),
        (write_flac, voice),
        (write_mp3, voice),
    ],
)
def test_whichever_reading_fails_it_is_the_disks_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], Path],
    use: Render,
    number: int,
) -> None:
    readings = Readings(write(tmp_path / "file"))
    monkeypatch.setattr(Failing, "error", OSError(number, os.strerror(number)))
    tried = 0
    while True:
        Failing.left, Failing.failed = tried + 1, False
        try:
            use(readings)
        except FAULTS[number]:
            assert Failing.failed
        else:
            assert not Failing.failed, f"reading {tried + 1} failed, and nobody noticed"
            break
        tried += 1
    print(f"\n  {tried} readings")
    assert tried > 3


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_copy_that_cannot_be_opened_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises((DiskFailed, HostExhausted)):
        patch.setattr(Path, "open", refuse)
        face(tmp_path / "face")
    with pytest.raises(InputGone):
        face(tmp_path / "face")


def test_a_place_that_cannot_be_is_the_files_fault(tmp_path: Path) -> None:
    """A seek to before its beginning is refused by the system, too."""
    with (tmp_path / "file").open("wb+") as file:
        opened = container.BudgetedFile(file, container.TimeBudget("The face"))
        with pytest.raises(OSError, match="Invalid argument"):
            opened.seek(-1)
        assert opened.failure is None
