"""A result holds every picture and the voice in time with them."""

import errno
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.clips import clip
from support.media.synthetic import (
    QUARTERS,
    babble,
    colours_of,
    examined,
    moving,
    number_of,
    numbered,
    painted,
    quartered,
    result_at,
    textured,
    write_video,
    write_voice,
)

from lipsyncd.media.frame import Frame
from lipsyncd.media.output import Output
from lipsyncd.media.source import Source, examine_source

RATE = 48000
VOICES = {  # name: (file, codec, rate, channels, whether its packets are copied)
    "WAV": ("voice.wav", "pcm_s16le", 44100, 1, False),
    "8-bit WAV": ("voice.wav", "pcm_u8", 8000, 1, False),
    "stereo WAV": ("voice.wav", "pcm_s24le", 48000, 2, False),
    "WAV of an odd rate": ("voice.wav", "pcm_s16le", 37800, 1, False),
    "MPEG layer 2": ("voice.mp2", "mp2", 44100, 2, False),
    "MP3": ("voice.mp3", "libmp3lame", 44100, 1, True),
    "stereo MP3": ("voice.mp3", "libmp3lame", 48000, 2, True),
    "M4A": ("voice.m4a", "aac", 44100, 1, True),
    "raw AAC": ("voice.aac", "aac", 44100, 1, True),
    "Matroska AAC": ("voice.mka", "aac", 48000, 1, True),
    "Opus": ("voice.ogg", "libopus", 48000, 1, True),
    "WebM Opus": ("voice.webm", "libopus", 48000, 2, True),
    "FLAC": ("voice.flac", "flac", 44100, 1, True),
    "ALAC": ("voice.m4a", "alac", 44100, 1, True),
    "AC-3": ("voice.ac3", "ac3", 48000, 2, True),
}
SECONDS = 1.5
GOOD = Output(preset="ultrafast", crf=10)


def face(folder: Path, **options: object) -> Source:
    pictures = options.pop("pictures", None) or list(map(numbered, range(10)))
    return examine_source(write_video(folder / "face.mp4", pictures, **options), "The face")


def voice_path(folder: Path, kind: str = "WAV") -> Path:
    name, codec, rate, channels, _ = VOICES[kind]
    samples = np.stack([babble(SECONDS, rate)] * channels)
    return write_voice(folder / name, samples, rate, codec)


def write(
    folder: Path, source: Source, voice: Path, pictures: list[av.VideoFrame] | None = None
) -> Path:
    path = folder / "result"
    if pictures is None:
        pictures = [frame.picture for frame in source.frames()]
    with result_at(path, source, examined(voice), GOOD) as result:
        for picture in pictures:
            result.write(picture)
    return path


def boxes_of(path: Path) -> list[bytes]:
    """The names of an MP4's outermost boxes in order."""
    content, names, place = path.read_bytes(), [], 0
    while place < len(content):
        names.append(content[place + 4 : place + 8])
        place += int.from_bytes(content[place : place + 4])
    return names


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def sound_of(path: Path, from_first: bool) -> np.ndarray:
    """Mono at 48 kHz as a player gives it; index 0 is time 0, or that of the first sample."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resample = av.AudioResampler("fltp", "mono", RATE)
        frames = list(container.decode(stream))
        start = 0 if from_first else float(frames[0].pts * frames[0].time_base)
        for frame in frames:
            frame.pts = None
        parts = [part for frame in [*frames, None] for part in resample.resample(frame)]
    samples = np.concatenate([part.to_ndarray()[0] for part in parts])
    shift = round(start * RATE)
    return np.pad(samples, (shift, 0)) if shift >= 0 else samples[-shift:]


# The pictures


def test_every_picture_is_in_it_once_and_in_order(tmp_path: Path) -> None:
    source = face(tmp_path)
    path = write(tmp_path, source, voice_path(tmp_path))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = list(container.decode(stream))
        assert [number_of(Frame(0, picture)) for picture in pictures] == list(range(10))
        assert [picture.pts * picture.time_base for picture in pictures] == [
            Fraction(i, 25) for i in range(10)
        ]
        assert stream.frames == 10
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("rate", ["24000/1001", "24", "30", "60000/1001"])
def test_the_result_has_the_rate_of_its_source(tmp_path: Path, rate: str) -> None:
    path = write(tmp_path, face(tmp_path, rate=Fraction(rate)), voice_path(tmp_path))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(rate)


def test_the_result_has_the_size_and_the_pixels_of_its_source(tmp_path: Path) -> None:
    source = face(tmp_path, pictures=[quartered(96, 64)] * 3, aspect=Fraction(4, 3), turn=90)
    path = write(tmp_path, source, voice_path(tmp_path))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (64, 96)
        assert stream.sample_aspect_ratio == Fraction(3, 4)
        assert next(container.decode(stream)).rotation == 0


@pytest.mark.parametrize(
    ("matrix", "tags"),
    [("601", (6, 6, 6, 1)), ("709", (1, 1, 1, 1)), ("709", (1, 1, 1, 2)), ("2020", (9, 9, 14, 1))],
)
def test_the_colours_are_those_of_the_source_and_tagged_so(
    tmp_path: Path, matrix: str, tags: tuple[int, int, int, int]
) -> None:
    full = tags[3] == 2
    pictures = [painted(quartered(), matrix=matrix, full=full) for _ in range(3)]
    source = face(tmp_path, pictures=pictures, tags=tags, options={"crf": "1"})
    path = write(tmp_path, source, voice_path(tmp_path))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        found = context.colorspace, context.color_primaries, context.color_trc
        assert (*map(int, found), int(context.color_range)) == tags
        picture = next(container.decode(video=0))
    np.testing.assert_allclose(colours_of(Frame(0, picture), matrix, full), QUARTERS, atol=6)


def test_an_untagged_source_gets_the_tags_that_players_assume(tmp_path: Path) -> None:
    path = write(tmp_path, face(tmp_path), voice_path(tmp_path))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (6, 1)


def test_players_can_jump_every_four_seconds(tmp_path: Path) -> None:
    source = face(tmp_path, rate=5)
    pictures = [frame.picture for frame in source.frames()] * 6
    path = write(tmp_path, source, voice_path(tmp_path), pictures)
    with av.open(str(path)) as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
        base = container.streams.video[0].time_base
    assert max(np.diff(keys)) * base <= 4


def test_the_keyframes_of_the_source_are_not_repeated(tmp_path: Path) -> None:
    """Every picture of a camera's file may be one; a result of only such would be large."""
    source = face(tmp_path, pictures=moving(20), gop=1)
    path = write(tmp_path, source, voice_path(tmp_path))
    with av.open(str(path)) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert keys == [True] + [False] * 19


def test_a_player_can_start_before_it_has_all(tmp_path: Path) -> None:
    boxes = boxes_of(write(tmp_path, face(tmp_path), voice_path(tmp_path)))
    assert boxes.index(b"moov") < boxes.index(b"mdat")


# The voice


@pytest.mark.parametrize("kind", [kind for kind, voice in VOICES.items() if voice[-1]])
def test_a_voice_that_fits_is_copied_bit_for_bit(tmp_path: Path, kind: str) -> None:
    voice = voice_path(tmp_path, kind)
    found = packets(write(tmp_path, face(tmp_path), voice))
    expected = packets(voice)
    if kind == "raw AAC":  # MP4 has no place for the 7 bytes of header before each packet
        expected = [packet[7:] for packet in expected]
    assert found == expected


@pytest.mark.parametrize("kind", [kind for kind, voice in VOICES.items() if not voice[-1]])
def test_another_voice_becomes_aac(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, face(tmp_path), voice_path(tmp_path, kind))
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "aac"
        _, _, rate, channels, _ = VOICES[kind]
        assert stream.channels == channels
        assert stream.rate == (48000 if rate == 37800 else rate)


@pytest.mark.parametrize("kind", VOICES)
def test_the_voice_is_heard_at_its_time(tmp_path: Path, kind: str) -> None:
    """Not one sample earlier or later than in its own file, and to its end.  (The timestamps of
    WebM are whole milliseconds.)"""
    voice = voice_path(tmp_path, kind)
    wanted = sound_of(voice, from_first=True)
    found = sound_of(write(tmp_path, face(tmp_path), voice), from_first=False)
    assert abs(len(found) - len(wanted)) < 0.1 * RATE
    length = min(len(found), len(wanted))
    lags = range(-2400, 2401)
    inner = slice(6000, length - 6000)
    likeness = [np.dot(np.roll(found[:length], -lag)[inner], wanted[inner]) for lag in lags]
    assert abs(lags[int(np.argmax(likeness))]) <= (24 if kind == "WebM Opus" else 0)
    assert max(likeness) > 0.5 * np.dot(wanted[inner], wanted[inner])


def test_a_voice_that_starts_late_in_its_file_starts_at_once(tmp_path: Path) -> None:
    """A recording cut out of a longer one keeps its old timestamps."""
    voice = write_voice(tmp_path / "voice.mka", babble(SECONDS, RATE), RATE, "flac", start=2.0)
    with av.open(str(voice)) as container:
        first = next(container.decode(audio=0))
        assert first.pts * first.time_base == 2
    wanted = sound_of(voice, from_first=True)
    found = sound_of(write(tmp_path, face(tmp_path), voice), from_first=False)
    np.testing.assert_allclose(found[: len(wanted)], wanted, atol=1e-4)


def test_voice_and_pictures_lie_beside_each_other(tmp_path: Path) -> None:
    """A player never has to look far ahead for the sound of a picture."""
    source = face(tmp_path, pictures=moving(60), rate=20)
    voice = write_voice(tmp_path / "voice.wav", babble(3.0, RATE), RATE)
    path = write(tmp_path, source, voice)
    latest: dict[str, float] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.dts is not None:
                latest[packet.stream.type] = float(packet.dts * packet.time_base)
            if len(latest) == 2:
                assert abs(latest["video"] - latest["audio"]) < 1.1


def test_the_same_pictures_are_encoded_to_the_same_bytes(tmp_path: Path) -> None:
    with av.open(str(clip("single_face.mp4"))) as container:
        pictures = [picture.reformat(960, 540) for picture in container.decode(video=0)][:48]
    faces = [picture.to_ndarray(format="bgr24") for picture in pictures[:2]]
    source, voice = face(tmp_path, pictures=faces), examined(voice_path(tmp_path))
    encoded = set()
    for number in range(10):
        path = tmp_path / f"result{number}"
        with result_at(path, source, voice, Output()) as result:
            for picture in pictures:
                result.write(picture)
        encoded.add(path.read_bytes())
    assert len(encoded) == 1


@pytest.mark.parametrize("room", [0, 40_000])
def test_a_disk_that_fills_is_what_is_told(
    tmp_path: Path, small_disk: Callable[[int], Path], room: int
) -> None:
    disk = small_disk(48 << 10)
    (disk / "filler").write_bytes(bytes((48 << 10) - room))
    source, voice = face(tmp_path, pictures=list(map(textured, range(30)))), voice_path(tmp_path)
    with pytest.raises(OSError) as caught:
        write(disk, source, voice, [frame.picture for frame in source.frames()] * 30)
    assert caught.value.errno == errno.ENOSPC
