"""What is kept of a face's file is found again in the result, at its time; the rest is named."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.stream import Disposition
from support.media.synthetic import (
    babble,
    examined,
    moving,
    quartered,
    result_at,
    tone,
    write_still,
    write_video,
    write_voice,
)

from lipsyncd.media.kept import NOTHING, Kept, kept_of
from lipsyncd.media.output import Output
from lipsyncd.media.result import SYNTHESISED
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.outputs import FORMATS

RATE = 48000
ENDINGS = {"mp4": ".mp4", "mov": ".mp4", "mkv": ".mkv", "webm": ".mkv"}  # of a face for each format
SOUNDS = {".mp4": ("m4a", "aac"), ".mkv": ("ogg", "libopus")}
TEXTS = {".mp4": "mov_text", ".mkv": "subrip"}
SECONDS = 2  # of the face; a result has half of them
SAID = ((0.2, "First"), (0.9, "Second"), (1.5, "Third"))  # when, and the subtitle
TOLD = ((0, 0.5, "One"), (0.5, 1.8, "Two"), (1.8, 2, "Three"))  # in chapters, by seconds
STYLES = (  # what libav makes a track of subtitles from
    b"[Script Info]\nScriptType: v4.00+\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
    b"Style: Default,Arial,16\n[Events]\nFormat: Layer, Start, End, Style, Text\n"
)


def face(folder: Path, ending: str, late: Fraction = Fraction(0)) -> Path:
    """A video with two sound tracks, subtitles, chapters and a title, that begins `late`."""
    suffix, codec = SOUNDS[ending]
    video = write_video(folder / "video.mp4", moving(25 * SECONDS), options={"bf": "0"})
    sounds = [
        write_voice(folder / f"{pitch}.{suffix}", tone(SECONDS, RATE, pitch), RATE, codec)
        for pitch in (300, 700)
    ]
    path = folder / f"face{ending}"
    with ExitStack() as stack:
        made = stack.enter_context(av.open(str(path), "w"))
        opened = [stack.enter_context(av.open(str(each))) for each in (video, *sounds)]
        copies = [made.add_stream_from_template(each.streams[0]) for each in opened]
        copies[1].metadata["language"] = "eng"
        text = made.add_stream(TEXTS[ending])
        text.codec_context.subtitle_header = STYLES
        made.metadata.update(title="My film", comment="Mine")
        made.set_chapters([chapter(late + start, late + end, name) for start, end, name in TOLD])
        for each, copy in zip(opened, copies, strict=True):
            for packet in each.demux():
                if packet.size:
                    made.mux(moved(packet, copy, late))
        for packet in subtitles(ending):
            made.mux(moved(packet, text, late))
    return path


def chapter(start: float | Fraction, end: float | Fraction, title: str) -> dict[str, object]:
    edges = {"start": round(1000 * start), "end": round(1000 * end)}
    base = Fraction(1, 1000)
    return {"id": edges["start"], **edges, "time_base": base, "metadata": {"title": title}}


def subtitles(ending: str) -> Iterator[av.Packet]:
    """Each shown for a tenth of a second."""
    for seconds, words in SAID:
        text = words.encode()
        packet = av.Packet(text if ending == ".mkv" else len(text).to_bytes(2) + text)
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(1000 * seconds)
        packet.duration = 100
        yield packet


def moved(packet: av.Packet, track: av.stream.Stream, late: Fraction) -> av.Packet:
    packet.pts += round(late / packet.time_base)
    packet.dts += round(late / packet.time_base)
    packet.stream = track
    return packet


def rendered(folder: Path, path: Path, output: Output, is_kept: bool = True) -> tuple[Path, Kept]:
    """The first second of a face, with a voice."""
    source = examine_source(path, "The face")
    voice = examined(write_voice(folder / "voice.wav", babble(1, RATE), RATE), output.format)
    kept = kept_of(source, output, Fraction(1)) if is_kept else NOTHING
    made = folder / "result"
    with result_at(made, source, voice, output, kept) as result:
        for frame in source.frames():
            if frame.index < source.rate:
                result.write(frame.picture)
    return made, kept


def texts(container: av.container.InputContainer) -> list[tuple[float, str]]:
    """When, and what."""
    packets = container.demux(container.streams.subtitles[0])
    return [
        (
            round(float(packet.pts * packet.time_base), 2),
            bytes(packet).decode(errors="ignore").strip("\0\5\6"),
        )
        for packet in packets
        if len(bytes(packet)) > 2  # MP4 says with an empty one that none is shown
    ]


@pytest.mark.parametrize("format", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("late", [0, 1])
def test_sound_subtitles_chapters_and_metadata_are_kept_at_their_time(
    tmp_path: Path, format: str, late: int
) -> None:
    path = face(tmp_path, ENDINGS[format], Fraction(late))
    made, kept = rendered(tmp_path, path, Output(format))
    assert kept.notes == ()
    with av.open(str(made)) as container:
        assert container.metadata.get("title") == "My film"
        metadata = {name.lower(): value for name, value in container.metadata.items()}
        assert metadata["comment"] == f"Mine {SYNTHESISED}"
        _, *tracks = container.streams.audio
        assert [each.metadata.get("language", "und") for each in tracks] == ["eng", "und"]
        assert container.duration / 1e6 == pytest.approx(1, abs=0.05)
        chapters = [
            (each["start"] * each["time_base"], each["end"] * each["time_base"], each["metadata"])
            for each in container.chapters()
        ]
        assert chapters == [(0, 0.5, {"title": "One"}), (0.5, 1, {"title": "Two"})]
        assert texts(container) == list(SAID[:2])


@pytest.mark.parametrize("format", ["mp4", "mkv"])
def test_the_sound_that_is_kept_is_its_own_packets_and_players_take_the_voice(
    tmp_path: Path, format: str
) -> None:
    path = face(tmp_path, ENDINGS[format])
    made, _ = rendered(tmp_path, path, Output(format))
    assert sounds(made, 1)[4:] == sounds(path, 0)[4 : len(sounds(made, 1))]
    assert 0.9 < len(sounds(made, 1)) / len(sounds(path, 0)) * SECONDS < 1.1
    with av.open(str(made)) as container:
        _, *others = container.streams.audio
        assert not [each for each in others if each.disposition & Disposition.default]


def sounds(path: Path, track: int) -> list[bytes]:
    """The packets of a sound track that are due from the beginning on."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[track])
        return [bytes(packet) for packet in packets if packet.size and packet.dts >= 0]


@pytest.mark.parametrize(
    ("format", "ending", "lost"),
    [
        ("webm", ".mp4", "sound 1 (aac), sound 2 (aac), subtitles 1 (mov_text)"),
        ("mkv", ".mp4", "subtitles 1 (mov_text)"),
        ("mov", ".mkv", "sound 1 (opus), sound 2 (opus), subtitles 1 (subrip)"),
    ],
)
def test_what_the_format_cannot_hold_is_named(
    tmp_path: Path, format: str, ending: str, lost: str
) -> None:
    output = Output(format, FORMATS[format].codecs[0])
    made, kept = rendered(tmp_path, face(tmp_path, ending), output)
    title = FORMATS[format].title
    assert kept.notes == (f"{title} cannot hold all of the face's tracks: {lost}.",)
    with av.open(str(made)) as container:
        streams = container.streams
        assert len(streams.audio + streams.subtitles) == 1 + 3 - (1 + lost.count(","))


def test_without_being_asked_nothing_is_kept(tmp_path: Path) -> None:
    made, _ = rendered(tmp_path, face(tmp_path, ".mp4"), Output(is_tagged=False), is_kept=False)
    with av.open(str(made)) as container:
        assert len(container.streams) == 2
        assert container.chapters() == []
        assert not {"title", "comment"} & container.metadata.keys()


def test_a_still_has_nothing_to_keep(tmp_path: Path) -> None:
    path = write_still(tmp_path / "face.png", quartered())
    assert kept_of(examine_source(path, "The face"), Output(), Fraction(1)).tracks == ()
