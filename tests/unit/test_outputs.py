"""A result comes in the format and the codec that are asked for, and says what it is."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
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
    write_video,
    write_voice,
)

from lipsyncd.media.encoders import ENCODERS
from lipsyncd.media.frame import Frame
from lipsyncd.media.muxers import MUXERS
from lipsyncd.media.output import Output
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.outputs import CODECS, FORMATS, PRESETS

COMBINATIONS = [(name, codec) for name, each in FORMATS.items() for codec in each.codecs]
LIBAV = {"h264": "h264", "h265": "hevc", "prores": "prores", "lossless": "ffv1"}  # others as ours
KINDS = {  # of voices: (ending, codec, the codec in a result of each format)
    "WAV": (".wav", "pcm_s16le", ("aac", "pcm_s16le", "pcm_s16le", "opus")),
    "AAC": (".m4a", "aac", ("aac", "aac", "aac", "opus")),
    "MP3": (".mp3", "libmp3lame", ("mp3", "mp3", "mp3", "opus")),
    "FLAC": (".flac", "flac", ("flac", "aac", "flac", "opus")),
    "Opus": (".ogg", "libopus", ("opus", "aac", "opus", "opus")),
    "Vorbis": (".webm", "vorbis", ("aac", "aac", "vorbis", "vorbis")),
}
EXPERIMENTAL = {"strict": "experimental"}  # as libav calls its encoder of Vorbis
MILLISECOND = Fraction(1, 1000)  # what Matroska counts in
every_combination = pytest.mark.parametrize(("format", "codec"), COMBINATIONS)


def result(folder: Path, output: Output, pictures: list, kind: str = "WAV", **more: object) -> Path:
    """What becomes of pictures and half a second of a voice."""
    ending, codec, _ = KINDS[kind]
    face = write_video(folder / "face.mp4", pictures, options={"crf": "1"}, **more)
    source = examine_source(face, "The face")
    said = np.stack([babble(0.5, 48000)] * 2)
    voice = write_voice(folder / f"voice{ending}", said, 48000, codec, options=EXPERIMENTAL)
    path = folder / "result"
    path.unlink(missing_ok=True)
    with result_at(path, source, examined(voice, output.format), output) as made:
        for frame in source.frames():
            made.write(frame.picture)
    return path


def test_each_format_and_each_codec_is_one_that_libav_can_write() -> None:
    assert set(MUXERS) == set(FORMATS)
    assert set(ENCODERS) == set(CODECS)


@every_combination
def test_every_picture_is_in_it_once_in_order_and_at_its_time(
    tmp_path: Path, format: str, codec: str
) -> None:
    path = result(tmp_path, Output(format, codec), list(map(numbered, range(10))))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec.canonical_name == LIBAV.get(codec, codec)
        assert stream.average_rate == 25
        pictures = list(container.decode(stream))
        frames = [Frame(0, picture.reformat(format="yuv420p")) for picture in pictures]
        assert [number_of(frame) for frame in frames] == list(range(10))
        times = [picture.pts * picture.time_base for picture in pictures]
        assert all(abs(time - Fraction(i, 25)) < MILLISECOND for i, time in enumerate(times))
        assert pictures[0].pts == 0
        assert container.duration / 1e6 == pytest.approx(0.5, abs=0.03)  # as long as the voice


@pytest.mark.parametrize("format", ["mp4", "mov"])
def test_the_last_picture_is_shown_as_long_as_all_others(tmp_path: Path, format: str) -> None:
    """By the edit list, which players go by where it is shorter than what there is."""
    content = result(tmp_path, Output(format), moving(23), rate=30).read_bytes()
    scale, shown = (
        int.from_bytes(content[at : at + 4])
        for at in (content.index(b"mvhd") + 16, content.index(b"elst") + 12)
    )
    assert Fraction(shown, scale) == Fraction(23, 30)


@every_combination
@pytest.mark.parametrize("swing", [1, 2], ids=["limited", "full"])
def test_the_colours_are_those_of_the_source(
    tmp_path: Path, format: str, codec: str, swing: int
) -> None:
    tags = (1, 1, 1, swing)
    pictures = [painted(quartered(), matrix="709", full=swing == 2) for _ in range(3)]
    path = result(tmp_path, Output(format, codec, crf=4), pictures, tags=tags)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == tags[:3]
        is_full = context.color_range == 2
        assert is_full == (swing == 2 and codec != "prores")
        picture = next(container.decode(video=0)).reformat(
            format="yuv420p", src_color_range=context.color_range, dst_color_range=1 + is_full
        )
    np.testing.assert_allclose(colours_of(Frame(0, picture), "709", is_full), QUARTERS, atol=6)


@pytest.mark.parametrize("codec", sorted({*CODECS} - {"h264"}))
def test_the_same_pictures_are_encoded_to_the_same_bytes(tmp_path: Path, codec: str) -> None:
    pictures = moving(24, 320, 180)
    encoded = {
        result(tmp_path, Output("mkv" if codec != "h265" else "mov", codec), pictures).read_bytes()
        for _ in range(3)
    }
    assert len(encoded) == 1


def test_without_loss_a_picture_is_the_same_to_the_bit(tmp_path: Path) -> None:
    path = result(tmp_path, Output("mkv", "lossless", crf=51), moving(3))
    with av.open(str(path)) as container:
        found = [picture.to_ndarray() for picture in container.decode(video=0)]
    wanted = [frame.i420() for frame in examine_source(tmp_path / "face.mp4", "The face").frames()]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("codec", sorted({*CODECS} - {"lossless"}))
def test_a_smaller_crf_is_a_larger_file_with_every_codec(tmp_path: Path, codec: str) -> None:
    format = "mov" if codec == "prores" else "mkv"
    sizes = [
        result(tmp_path, Output(format, codec, crf), moving(6, 320, 180)).stat().st_size
        for crf in (0, 20, 25, 51)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
@pytest.mark.parametrize("preset", [PRESETS[0], PRESETS[-1]])
def test_every_codec_knows_the_fastest_and_the_slowest_preset(
    tmp_path: Path, codec: str, preset: str
) -> None:
    path = result(tmp_path, Output("mkv", codec, preset=preset), [quartered()] * 2)
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_voice_is_copied_where_the_format_holds_it_and_encoded_elsewhere(
    tmp_path: Path, format: str, kind: str
) -> None:
    output = Output(format, FORMATS[format].codecs[0])
    path = result(tmp_path, output, [quartered()] * 2, kind)
    ending, own, expected = KINDS[kind]
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        found = stream.codec_context.codec.canonical_name
        assert found == dict(zip(FORMATS, expected, strict=True))[format]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    if found == own.removeprefix("lib"):
        with av.open(str(tmp_path / f"voice{ending}")) as container:
            wanted = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        assert b"".join(packets) == b"".join(wanted)


@pytest.mark.parametrize("format", FORMATS)
def test_a_result_says_that_it_is_synthesised_unless_it_is_not_to(
    tmp_path: Path, format: str
) -> None:
    codec, said = FORMATS[format].codecs[0], []
    for is_tagged in (True, False):
        output = Output(format, codec, is_tagged=is_tagged)
        with av.open(str(result(tmp_path, output, [quartered()]))) as container:
            metadata = {key.lower(): value for key, value in container.metadata.items()}
            said.append(metadata.get("comment"))
    assert said == ["The lips were synthesised by lipsyncd.", None]


def test_h265_is_called_as_apples_players_know_it(tmp_path: Path) -> None:
    for format in ("mp4", "mov"):
        path = result(tmp_path, Output(format, "h265"), [quartered()])
        with av.open(str(path)) as container:
            assert container.streams.video[0].codec_context.codec_tag == "hvc1"
