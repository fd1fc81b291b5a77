"""What cannot be rendered: the error names it, nothing is left, and the next job is rendered."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import av
import pytest
from support.client.command import messages
from support.media import bombs
from support.media.clips import clip
from support.paths import VOICES

Ctl = Callable[..., CompletedProcess[str]]


@dataclass(frozen=True)
class Files:
    """Good files, and a directory for bad ones."""

    directory: Path
    face: Path
    voice: Path
    speak: Callable[[float], Path]
    film: Callable[..., Path]

    def write(self, name: str, data: bytes) -> Path:
        (self.directory / name).write_bytes(data)
        return self.directory / name


Inputs = tuple[Path, Path]  # a face and a voice


@pytest.fixture
def files(
    tmp_path: Path,
    neutral: Path,
    word: Path,
    speak: Callable[[float], Path],
    film: Callable[..., Path],
) -> Files:
    return Files(tmp_path, neutral, word, speak, film)


def words_as_a_face(files: Files) -> Inputs:
    return files.write("face.mp4", b"This is no video.\n" * 100), files.voice


def words_as_a_voice(files: Files) -> Inputs:
    return files.face, files.write("voice.wav", b"This is no voice.\n" * 100)


def an_empty_face(files: Files) -> Inputs:
    return files.write("empty.mp4", b""), files.voice


def a_video_that_breaks_off(files: Files) -> Inputs:
    whole = index_first(files.directory / "whole.mp4", clip("single_face.mp4")).read_bytes()
    return files.write("half.mp4", whole[: len(whole) // 2]), files.speak(2.4)


def a_video_without_its_index(files: Files) -> Inputs:
    whole = clip("single_face.mp4").read_bytes()
    return files.write("half.mp4", whole[: len(whole) // 2]), files.voice


def a_flac_that_breaks_off(files: Files) -> Inputs:
    whole = (VOICES / "harbour.flac").read_bytes()
    return files.face, files.write("half.flac", whole[: len(whole) // 2])


def a_wav_that_breaks_off(files: Files) -> Inputs:
    whole = files.speak(2.4).read_bytes()
    return files.face, files.write("half.wav", whole[: len(whole) // 2])


def a_face_without_pictures(files: Files) -> Inputs:
    return files.voice, files.voice


def a_voice_without_sound(files: Files) -> Inputs:
    return files.face, files.face


def a_silent_voice(files: Files) -> Inputs:
    whole = files.speak(1).read_bytes()
    return files.face, files.write("silent.wav", whole[:44] + bytes(len(whole) - 44))


def a_video_without_a_face(files: Files) -> Inputs:
    return clip("no_face.mp4"), files.voice


def a_voice_too_short(files: Files) -> Inputs:
    return files.face, files.speak(0.1)


def a_voice_too_large(files: Files) -> Inputs:
    return files.face, files.speak(100)


def a_face_too_large(files: Files) -> Inputs:
    return files.write("large.png", files.face.read_bytes() + bytes(4 << 20)), files.voice


def a_playlist_of_a_voice(files: Files) -> Inputs:
    target = "#EXTINF:1.0,\nfile://" + str(files.voice)
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{target}\n#EXT-X-ENDLIST\n"
    return files.face, files.write("voice.m3u8", text.encode())


def a_list_of_faces(files: Files) -> Inputs:
    face = files.film("listed.mp4", 5, 25)
    text = f"ffconcat version 1.0\nfile '{face.name}'\nfile '{face}'\n"
    return files.write("faces.ffconcat", text.encode()), files.voice


def a_picture_of_absurd_size(files: Files) -> Inputs:
    return files.write("absurd.png", bombs.png(bombs.HUGE, bombs.HUGE)), files.voice


def a_video_of_absurd_size(files: Files) -> Inputs:
    return files.write("absurd.flv", bombs.two_frames_of_16k()), files.voice


def a_picture_with_more_packed_into_it_than_it_shows(files: Files) -> Inputs:
    return files.write("packed.png", bombs.png_with_long_texts()), files.voice


def a_video_with_an_endless_index(files: Files) -> Inputs:
    return files.write("endless.mp4", bombs.mp4_with_an_endless_index()), files.voice


def a_video_of_many_streams(files: Files) -> Inputs:
    return files.write("many.mkv", bombs.many_streams()), files.voice


def a_video_with_large_attachments(files: Files) -> Inputs:
    return bombs.with_attachments(files.directory / "fonts.mkv", 5, 100 << 20), files.voice


def a_voice_with_large_attachments(files: Files) -> Inputs:
    return files.face, bombs.with_attachments(files.directory / "fonts.mkv", 5, 100 << 20)


def a_voice_of_five_hours(files: Files) -> Inputs:
    return files.face, files.write("long.flac", bombs.flac_of_many_hours())


BAD: dict[Callable[[Files], Inputs], str] = {
    words_as_a_face: "input.unreadable",
    words_as_a_voice: "input.unreadable",
    an_empty_face: "input.unreadable",
    a_video_that_breaks_off: "input.truncated",
    a_video_without_its_index: "input.truncated",
    a_flac_that_breaks_off: "input.truncated",
    a_wav_that_breaks_off: "input.truncated",
    a_face_without_pictures: "input.no_video",
    a_voice_without_sound: "input.no_audio",
    a_silent_voice: "input.silent",
    a_video_without_a_face: "input.no_face",
    a_voice_too_short: "input.too_short",
    a_voice_too_large: "input.too_large",
    a_face_too_large: "input.too_large",
    a_playlist_of_a_voice: "input.unreadable",
    a_list_of_faces: "input.unreadable",
    a_picture_of_absurd_size: "input.picture_too_large",
    a_video_of_absurd_size: "input.picture_too_large",
    a_picture_with_more_packed_into_it_than_it_shows: "input.unreadable",
    a_video_with_an_endless_index: "input.unreadable",
    a_video_of_many_streams: "input.too_many_streams",
    a_voice_of_five_hours: "input.too_long",
    a_video_with_large_attachments: "input.too_large",
    a_voice_with_large_attachments: "input.too_large",
}


@pytest.mark.parametrize(
    "make, name", [pytest.param(make, name, id=make.__name__) for make, name in BAD.items()]
)
def test_bad_input_is_named_and_harms_nothing(
    daemon: Path, ctl: Ctl, files: Files, make: Callable[[Files], Inputs], name: str
) -> None:
    before, pid = spooled(daemon), pid_of(ctl)
    out = files.directory / "out.mp4"
    face, voice = make(files)
    ended = ctl("run", "--json", "-a", str(voice), str(face), "-o", str(out))
    error = error_of(ended)
    assert error is not None, "it was rendered"
    print(f"\n  {error['message']} {error['hint']}")
    assert ended.returncode == 65
    assert error["name"] == name
    assert error["hint"].endswith(".")
    refusals = [line for line in ended.stderr.splitlines() if error["message"] in line]
    assert refusals == [ended.stderr.splitlines()[-1]]
    assert refusals[0].endswith(f"{error['message']} {error['hint']}")
    assert not out.exists()
    kept = {Path(path).name for path in spooled(daemon) - before}
    assert kept <= {"face", "voice", *(job["id"] for job in jobs_of(ended))}  # for a retry
    assert pid_of(ctl) == pid
    good = ctl("run", "-a", str(files.voice), str(files.face), "-o", str(out))
    assert good.returncode == 0, good.stderr


def jobs_of(ended: CompletedProcess[str]) -> list[dict[str, Any]]:
    """What was told of the job, if it was accepted."""
    told = (message.get("job") for message in messages(ended.stdout))
    return [job for job in told if isinstance(job, dict)]


def index_first(path: Path, source: Path) -> Path:
    """The pictures of a video, with its index at the beginning, so that a part of it plays."""
    movflags = {"movflags": "+faststart"}
    with av.open(str(source)) as old, av.open(str(path), "w", options=movflags) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return path


def error_of(ended: CompletedProcess[str]) -> dict[str, str] | None:
    """The error that `run --json` ends with: of the job, or of the refusal to take one."""
    last = messages(ended.stdout)[-1]
    return last["job"]["error"] if "job" in last else last


def spooled(daemon: Path) -> set[str]:
    return {str(path) for path in (daemon / "state" / "spool").rglob("*")}


def pid_of(ctl: Ctl) -> int:
    return json.loads(ctl("info", "--json").stdout)["pid"]
