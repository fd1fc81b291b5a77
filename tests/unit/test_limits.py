"""A media file costs no more than its limits, whatever it says of itself: it is refused by name."""

import signal
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import pytest
from support.measure import measured
from support.media import bombs
from support.media.synthetic import moving, tone, write_video, write_voice

from lipsyncd.errors import (
    DecodingTooSlow,
    DiskFailed,
    FileTooLarge,
    InputError,
    NoFace,
    PictureTooLarge,
    TooManyStreams,
    TruncatedMedia,
    UnreadableMedia,
    VoiceTooLong,
)
from lipsyncd.media.budget import BudgetedFile, TimeBudget
from lipsyncd.media.limits import ALLOCATION, FASTEST, HELD_BYTES, SIDE, SLOWEST, held
from lipsyncd.media.mp4 import Movie
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.timeline import timeline
from lipsyncd.media.voice import Voice, examine_voice, waveform

CHEAP_MIB = 64  # what the refusal of a bomb may cost

REFUSED: dict[str, type[InputError]] = {
    "PNG of 30000 x 30000": PictureTooLarge,
    "PNG of 2^31 x 1": PictureTooLarge,
    "PNG of 0 x 0": UnreadableMedia,
    "PNG of 1 x 1": NoFace,
    "PNG with long texts": UnreadableMedia,
    "PNG with a vast profile": UnreadableMedia,
    "APNG with long texts": UnreadableMedia,
    "JPEG of 30000 x 30000": PictureTooLarge,
    "JPEG of many scans": UnreadableMedia,
    "BMP of 30000 x 30000": PictureTooLarge,
    "WebP of 16383 x 16383": PictureTooLarge,
    "animated WebP of 16384 x 16384": PictureTooLarge,
    "TIFF of 30000 x 30000": PictureTooLarge,
    "JPEG 2000 of 30000 x 30000": PictureTooLarge,
    "TGA of 65535 x 65535": PictureTooLarge,
    "GIF of 65535 x 65535": PictureTooLarge,
    "two frames of 16000 x 8900": PictureTooLarge,
    "MP4 with an endless index": UnreadableMedia,
    "MP4 with an endless edit": UnreadableMedia,
    "MP4 with a packed index": UnreadableMedia,
    "MP4 with many keys": UnreadableMedia,
    "MP4 with hidden keys": UnreadableMedia,
    "MP4 with many samples": UnreadableMedia,
    "CAF of 20 million packets": UnreadableMedia,
    "150 streams": TooManyStreams,
    "WAV at 0 Hz": UnreadableMedia,
    "WAV at 1 Hz": VoiceTooLong,
    "WAV at 4 GHz": UnreadableMedia,
    "WAV of no channels": UnreadableMedia,
    "WAV of 255 channels": UnreadableMedia,
    "WAV of 65535 channels": UnreadableMedia,
    "WAV that states a day": TruncatedMedia,
    "FLAC of five hours": VoiceTooLong,
}
HOUR = 3600

Bomb = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bombs")


@pytest.fixture
def bomb(folder: Path) -> Bomb:
    """The bomb of that name, made once."""

    def made(name: str) -> Path:
        path = folder / name.replace("/", "")
        if not path.exists():
            path.write_bytes((bombs.FACES | bombs.SOUNDS)[name]())
        return path

    return made


def face(path: Path) -> Source:
    return examine_source(path, "The face")


def voice(path: Path, most_seconds: float = 4 * HOUR) -> Voice:
    return examine_voice(path, "The voice", most_seconds)


# Headers


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_by_name_and_costs_little(bomb: Bomb, name: str) -> None:
    path, examine = bomb(name), face if name in bombs.FACES else voice
    with measured() as cost, pytest.raises(InputError) as caught:
        examine(path)
    print(f"\n  {caught.value} ({path.stat().st_size} bytes: {cost.seconds:.2f} s, {cost.mib} MiB)")
    assert type(caught.value) is REFUSED[name]
    assert caught.value.hint.endswith(".")
    assert cost.mib < CHEAP_MIB


@pytest.mark.parametrize("name", ["MP3 with packed tags", "WAV with packed tags"])
def test_tags_are_not_unpacked_and_the_voice_is_heard(bomb: Bomb, name: str) -> None:
    path = bomb(name)
    with measured() as cost:
        assert float(voice(path).seconds) == pytest.approx(1, abs=0.1)
    assert cost.mib < CHEAP_MIB


def test_the_largest_picture_is_no_bomb(tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(bombs.png(SIDE, SIDE, rows=SIDE))
    source = face(tmp_path / "face")
    assert (source.width, source.height) == (SIDE, SIDE)


def test_a_video_may_have_as_many_pixels_as_its_codecs_have_levels_for(tmp_path: Path) -> None:
    """A decoder holds more than a dozen of them."""
    fast = {"preset": "ultrafast", "tune": "zerolatency"}
    (tmp_path / "face").write_bytes(
        bombs.video("mp4", "libx264", SIDE, 4320, times=[0], options=fast)
    )
    assert face(tmp_path / "face").height == 4320
    (tmp_path / "face").write_bytes(
        bombs.video("mp4", "libx264", SIDE, 4400, times=[0], options=fast)
    )
    with pytest.raises(PictureTooLarge, match="8192 x 4352 is the limit"):
        face(tmp_path / "face")


def test_a_single_allocation_is_bounded() -> None:
    """The largest picture in the widest format has its room, and what is larger has none."""
    assert 8 * SIDE**2 < ALLOCATION < 8 * 10_000**2
    av.VideoFrame(SIDE, SIDE, "rgba64le")
    with pytest.raises(MemoryError):
        av.VideoFrame(10_000, 10_000, "rgba64le")


def test_an_mp4_that_ends_before_its_index_breaks_off(tmp_path: Path) -> None:
    """As a camera writes it whose battery dies."""
    content = bombs.mp4()
    (tmp_path / "face").write_bytes(content[: content.index(b"moov") - 4])
    with pytest.raises(TruncatedMedia, match="before its index"):
        face(tmp_path / "face")


def test_what_the_disk_does_not_give_is_not_blamed_on_the_file() -> None:
    with pytest.raises(DiskFailed, match="Input/output error"):
        face(Path("/proc/self/mem"))  # its first page is nobody's


# The index of an MP4


def indexed(path: Path) -> int:
    with path.open("rb") as file:
        return Movie(BudgetedFile(file, TimeBudget("It")), path.stat().st_size).stated().shown


@pytest.mark.parametrize("movflags", ["", "+faststart", "frag_keyframe+empty_moov"])
def test_the_samples_of_all_tracks_are_counted(tmp_path: Path, movflags: str) -> None:
    options = {"movflags": movflags} if movflags else {}
    path = write_video(
        tmp_path / "face.mp4", moving(30), sound=tone(1.0), container_options=options
    )
    with av.open(str(path)) as container:
        packets = sum(1 for packet in container.demux() if packet.size)
    assert indexed(path) == packets


def test_uncompressed_sound_is_counted_as_libav_indexes_it(tmp_path: Path) -> None:
    """Else four hours of it would be too much: each sample has a place of its own."""
    path = write_voice(tmp_path / "voice.mov", tone(60.0, 48000), 48000)
    assert indexed(path) < 60 * 48000 / 500


def test_what_is_no_mp4_has_no_index(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", tone(1.0))
    assert indexed(path) == 0


# Rates and times


@pytest.mark.parametrize("name", ["1000 frames a second", "a frame in 11 days"])
def test_a_rate_that_is_none_becomes_an_ordinary_one(bomb: Bomb, name: str) -> None:
    assert SLOWEST <= face(bomb(name)).rate <= FASTEST


@pytest.mark.parametrize(
    "name", ["frames years apart", "frames at one moment", "frames back in time"]
)
def test_no_timestamps_make_endless_work(bomb: Bomb, name: str) -> None:
    source = face(bomb(name))
    with measured() as cost:
        length = sum(1 for _ in islice(source.frames(), 500))
        shown = islice(timeline(source, length, "pingpong"), 500)
        assert sum(1 for _ in shown) == 500
    assert cost.mib < CHEAP_MIB


def test_pictures_of_another_size_in_the_middle_are_scaled(bomb: Bomb) -> None:
    frames = list(face(bomb("another size in the middle")).frames())
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    assert len(frames) == 15


def test_pictures_stored_upside_down_are_read(bomb: Bomb) -> None:
    frames = list(face(bomb("lines from the bottom")).frames())
    assert len(frames) == 6
    assert all(frame.planes()[0].shape == (48, 64) for frame in frames)


def test_a_voice_of_eight_channels_is_heard(bomb: Bomb) -> None:
    """Libav keeps the addresses of its channels elsewhere than those of fewer."""
    found = voice(bomb("AAC of 8 channels"))
    assert found.is_copied
    assert sum(map(len, waveform(found))) == pytest.approx(16000, abs=100)


# How long a voice may be


def test_a_voice_that_does_not_say_how_long_it_is_is_too_long_once_it_was_heard_so_long(
    tmp_path: Path,
) -> None:
    path = write_voice(tmp_path / "voice.mp3", tone(5.0, 44100), 44100, "libmp3lame")
    with pytest.raises(VoiceTooLong, match="more than 3 seconds"):
        voice(path, most_seconds=3)
    assert voice(path, most_seconds=6).seconds > 4


def test_a_voice_as_long_as_the_limit_is_not_too_long(tmp_path: Path) -> None:
    assert voice(write_voice(tmp_path / "voice.wav", tone(3.0)), most_seconds=3).seconds == 3


# How long work may go on


def test_a_file_of_which_nothing_comes_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pictures are all due at the same moment, so that not one is shown."""
    (tmp_path / "face").write_bytes(bombs.stamped([0] * 3000))
    source = face(tmp_path / "face")
    monkeypatch.setattr("lipsyncd.media.budget.FRAME_SECONDS", 0.01)
    with pytest.raises(DecodingTooSlow, match="The face gave too little"):
        list(source.frames())


def test_a_file_that_is_read_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second packet is behind a gigabyte of zeros, which libav reads in a single call."""
    content = write_video(tmp_path / "face.ts", moving(10)).read_bytes()
    with (tmp_path / "face").open("wb") as file:
        file.write(content[:1880])
        file.seek(1 << 30)
        file.write(content)
    with measured() as cost, pytest.raises(FileTooLarge):
        face(tmp_path / "face")
    assert cost.mib < CHEAP_MIB
    monkeypatch.setattr("lipsyncd.media.budget.OPENING_SECONDS", 0.05)
    with pytest.raises(DecodingTooSlow):
        face(tmp_path / "face")


def test_patience_is_not_lost_while_the_process_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when it is stopped, or waits for a disk."""
    monkeypatch.setattr("lipsyncd.media.budget.FRAME_SECONDS", 0.05)
    budget = TimeBudget("The face")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        assert signal.sigtimedwait({signal.SIGUSR1}, 0.2) is None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # what is started later would have it
    budget.check()


# Memory


def test_ordinary_pictures_are_held_as_they_were() -> None:
    """A batch of 8 at 4K, and of 64 at 720p."""
    assert held(3840 * 2160 * 3 // 2, 8) == 8
    assert held(1280 * 720 * 3 // 2, 64) == 64


def test_of_the_largest_one_is_held() -> None:
    assert held(SIDE * 4320 * 3 // 2, 8) == 1
    assert held(SIDE * SIDE * 3 // 2, 8) == 1
    assert held(SIDE**2 // 2 * 3 // 2, 8) * SIDE**2 // 2 * 3 // 2 <= HELD_BYTES
