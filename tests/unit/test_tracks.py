"""Which stream of a file is the face or the voice, and how long and how often it is shown."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.media.synthetic import (
    babble,
    examined,
    number_of,
    numbered,
    quartered,
    textured,
    write_still,
    write_video,
    write_voice,
)

from lipsyncd.errors import InvalidRequest, SilentVoice, TruncatedMedia
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.voice import examine_voice, waveform
from lipsyncd.protocol.options import Options
from lipsyncd.render.inputs import examined_voices

RATE = 16000


def source_of(path: Path) -> Source:
    return examine_source(path, "The face")


def remuxed(path: Path, target: Path, keep: Callable[[av.Packet], bool]) -> Path:
    """The packets of a file that are to be kept, in a new one."""
    with av.open(str(path)) as old, av.open(str(target), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None and keep(packet):
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target


# The picture


def with_cover(path: Path, video: Path, cover: Path) -> Path:
    """An MP4 with a picture attached to it, which players are told of before the video."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as new:
        opened = [av.open(str(each)) for each in (video, cover)]
        targets = [new.add_stream_from_template(each.streams.video[0]) for each in opened]
        targets[1].disposition = av.stream.Disposition.attached_pic
        for each, target in zip(opened, targets, strict=True):
            for packet in each.demux(video=0):
                if packet.size:
                    packet.stream = target
                    new.mux(packet)
            each.close()
    content = path.read_bytes()
    movie, attached = content.index(b"moov") + 4, content.index(b"udta") - 4
    end = attached + int.from_bytes(content[attached : attached + 4])
    before, box, after = content[movie:attached], content[attached:end], content[end:]
    path.write_bytes(content[:movie] + box + before + after)
    return path


def test_a_picture_that_is_attached_is_not_the_video(tmp_path: Path) -> None:
    """As a cover is to a song."""
    video = write_video(tmp_path / "video.mp4", map(numbered, range(10)))
    cover = write_still(tmp_path / "cover.png", quartered(320, 240))
    path = with_cover(tmp_path / "face.mp4", video, cover)
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    source = source_of(path)
    assert [number_of(frame) for frame in source.frames()] == list(range(10))


def test_a_last_picture_is_held_for_as_long_as_it_says(tmp_path: Path) -> None:
    """Screen recorders write no picture while nothing moves."""
    path = write_video(tmp_path / "face.mp4", map(numbered, range(5)), options={"bf": "0"})

    def held(packet: av.Packet) -> bool:
        is_last = packet.pts * packet.time_base > Fraction(1, 7)
        packet.duration *= 26 if is_last else 1
        return True

    source = source_of(remuxed(path, tmp_path / "held.mp4", held))
    shown = [number_of(frame) for frame in source.frames()]
    assert shown[:5] == [0, 1, 2, 3, 4]
    assert set(shown[5:]) == {4}
    assert len(shown) / source.rate == pytest.approx(1.2, abs=0.03)


def test_a_single_picture_is_a_still_however_long_it_is_to_be_seen(tmp_path: Path) -> None:
    path = write_video(tmp_path / "face.mp4", [numbered(3)])

    def held(packet: av.Packet) -> bool:
        packet.duration *= 75
        return True

    (frame,) = source_of(remuxed(path, tmp_path / "held.mp4", held)).frames()
    assert number_of(frame) == 3


def test_of_a_photograph_with_another_behind_it_the_first_is_shown(tmp_path: Path) -> None:
    """As phones add a map of its brightness."""
    photo, other = (
        write_still(tmp_path / f"{seed}.jpg", textured(seed, 800, 600)) for seed in (1, 2)
    )
    path = tmp_path / "face.jpg"
    path.write_bytes(photo.read_bytes() + other.read_bytes())
    (frame,) = source_of(path).frames()
    (alone,) = source_of(photo).frames()
    np.testing.assert_array_equal(frame.i420(), alone.i420())


def test_the_first_video_that_can_be_read_is_the_face(tmp_path: Path) -> None:
    """Of several; a picture that is attached is taken only where it is alone or asked for."""
    path = two_videos(tmp_path / "face.mkv", "mpeg4", "mpeg4")
    source = source_of(path)
    assert number_of(next(source.frames())) == 1
    assert source.notes == ("The face is video track 1 of 2.",)
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_MPEG4/ISO/XXX", 1))
    source = source_of(path)
    assert number_of(next(source.frames())) == 2
    assert source.notes[0].startswith("The face is video track 2 of 2; track 1 is coded in")


def test_a_video_that_is_asked_for_is_the_face(tmp_path: Path) -> None:
    path = two_videos(tmp_path / "face.mkv", "mpeg4", "mpeg4")
    source = examine_source(path, "The face", track=1)
    assert [number_of(frame) for frame in source.frames()] == [2] * 5
    assert [number_of(frame) for frame in source.frames(3)] == [2] * 2
    assert source.notes == ()
    with pytest.raises(InvalidRequest, match="The face has no video track 3; it has 2"):
        examine_source(path, "The face", track=2)


def two_videos(path: Path, *codecs: str) -> Path:
    """A file of videos, of which each shows its number."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=25) for codec in codecs]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, stream in enumerate(streams, start=1):
            for _ in range(5):
                picture = av.VideoFrame.from_ndarray(numbered(number), "rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    return path


# The sound


def two_tracks(
    path: Path, first: np.ndarray, second: np.ndarray, default: int | None = None
) -> Path:
    """A file with two voices in it, of which players take one by default."""
    parts = [
        write_voice(path.with_name(f"{n}.mka"), each) for n, each in enumerate((first, second))
    ]
    with av.open(str(path), "w", options={"default_mode": "passthrough"}) as new:
        opened = [av.open(str(each)) for each in parts]
        targets = [new.add_stream_from_template(each.streams.audio[0]) for each in opened]
        for number, target in enumerate(targets):
            target.disposition = av.stream.Disposition(int(number == default))
        for each, target in zip(opened, targets, strict=True):
            for packet in each.demux(audio=0):
                if packet.size:
                    packet.stream = target
                    new.mux(packet)
            each.close()
    return path


def test_a_silent_track_is_not_the_voice_where_another_speaks(tmp_path: Path) -> None:
    said = babble(1.0)
    voice = examined(two_tracks(tmp_path / "voice.mka", np.zeros(RATE), said))
    assert voice.track == 1
    (note,) = voice.notes
    assert note == "The voice is sound track 2 of 2; track 1 is silent from beginning to end."
    heard = np.concatenate(list(waveform(voice)))
    assert np.corrcoef(heard[: len(said)], said[: len(heard)])[0, 1] > 0.99


def test_where_all_speak_the_first_track_is_the_voice(tmp_path: Path) -> None:
    assert examined(two_tracks(tmp_path / "voice.mka", babble(1.0), babble(1.0, seed=5))).track == 0


def test_where_all_speak_the_track_is_the_voice_that_players_take(tmp_path: Path) -> None:
    first, second = babble(1.0), babble(1.0, seed=5)
    path = two_tracks(tmp_path / "voice.mka", first, second, default=1)
    heard = np.concatenate(list(waveform(examined(path))))
    assert np.corrcoef(heard[: len(second)], second[: len(heard)])[0, 1] > 0.99


def test_a_track_that_is_asked_for_is_the_voice(tmp_path: Path) -> None:
    first, second = babble(1.0), babble(1.0, seed=5)
    path = two_tracks(tmp_path / "voice.mka", first, second, default=0)
    voice = examine_voice(path, "The voice", track=1)
    heard = np.concatenate(list(waveform(voice)))
    assert np.corrcoef(heard[: len(second)], second[: len(heard)])[0, 1] > 0.99
    assert voice.notes == ()
    with pytest.raises(InvalidRequest, match="The voice has no sound track 3; it has 2"):
        examine_voice(path, "The voice", track=2)


@pytest.mark.parametrize(
    ("chosen", "taken"), [(None, [0, 0, 0]), ("2", [1, 1, 1]), ("2 1 2", [1, 0, 1])]
)
def test_a_track_is_chosen_for_all_voices_or_for_each(
    tmp_path: Path, chosen: str | None, taken: list[int]
) -> None:
    path = two_tracks(tmp_path / "voice.mka", babble(1.0), babble(1.0, seed=5))
    voices = examined_voices([path] * 3, Options(voice_track=chosen), 60)
    assert [voice.track for voice in voices] == taken


def test_a_silent_track_that_is_asked_for_is_silent(tmp_path: Path) -> None:
    path = two_tracks(tmp_path / "voice.mka", np.zeros(RATE), babble(1.0))
    with pytest.raises(SilentVoice):
        examine_voice(path, "The voice", track=0)


def test_where_no_track_speaks_the_voice_is_silent(tmp_path: Path) -> None:
    with pytest.raises(SilentVoice):
        examined(two_tracks(tmp_path / "voice.mka", np.zeros(RATE), np.zeros(RATE)))


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8", "pcm_f32le"])
@pytest.mark.parametrize(("other", "channels"), [(-1.0, 1), (1.0, None), (0.0, None), (-0.5, None)])
def test_channels_that_cancel_each_other_are_heard_as_one(
    tmp_path: Path, other: float, channels: int | None, codec: str
) -> None:
    said = babble(1.0)
    voice = examined(
        write_voice(tmp_path / "voice.wav", np.stack([said, other * said]), codec=codec)
    )
    assert voice.channels == channels
    assert [("cancel each other out" in note) for note in voice.notes] == [True] * bool(channels)
    heard = np.concatenate(list(waveform(voice)))
    assert np.sqrt(np.mean(heard**2)) > 0.2 * np.sqrt(np.mean(said**2))


def test_a_voice_that_was_cut_out_of_the_middle_is_whole(tmp_path: Path) -> None:
    """Ogg counts its time from before the cut."""
    whole = write_voice(tmp_path / "whole.opus", babble(3.0, 48000), 48000, "libopus")
    path = remuxed(whole, tmp_path / "cut.opus", lambda packet: packet.pts >= 48000)
    assert float(examined(path).seconds) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x7FFFF024, 0xFFFFFFFF])
def test_a_size_that_the_writer_could_not_know_says_nothing(tmp_path: Path, size: int) -> None:
    path = write_voice(tmp_path / "voice.wav", babble(1.0))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    assert float(examined(path).seconds) == pytest.approx(1.0, abs=0.05)


def test_a_size_that_is_just_too_large_is_a_file_that_breaks_off(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", babble(1.0))
    content = bytearray(path.read_bytes())
    content[4:8] = (0x7FFFF000 - 1).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(TruncatedMedia):
        examined(path)
