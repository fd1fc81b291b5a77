"""The result as a player meets it: as long as the voice, and what its container says of it."""

import itertools
import json
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from support.paths import VOICES

ROUNDING = 0.001  # seconds: what the formats' time bases cannot tell apart
BT601, BT709 = (6, 6, 6, 1), (1, 1, 1, 2)  # the second in full swing


@dataclass(frozen=True)
class Case:
    """A voice in one container and codec, and a face at one rate."""

    suffix: str
    codec: str
    hertz: int
    layout: str
    seconds: float
    rate: Fraction
    heard_as: str
    tags: tuple[int, ...] = BT601


CASES = (
    Case(".m4a", "aac", 44100, "stereo", 1.0, Fraction(24000, 1001), "aac"),
    Case(".mp3", "mp3", 24000, "mono", 1.3, Fraction(25), "mp3"),
    Case(".wav", "pcm_s16le", 8000, "mono", 0.21, Fraction(30), "aac"),
    Case(".wav", "pcm_f32le", 96000, "stereo", 0.77, Fraction(30000, 1001), "aac", BT709),
    Case(".flac", "flac", 22050, "mono", 0.5, Fraction(50), "flac"),
    Case(".ogg", "libopus", 48000, "stereo", 0.9, Fraction(24), "opus"),
    Case(".mp2", "mp2", 44100, "mono", 0.9, Fraction(60), "aac"),
)
NAMES = {6: "smpte170m", 1: "bt709"}
SWINGS = {1: "tv", 2: "pc"}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case.codec}-{case.rate}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(scope="module")
def voice(case: Case, made: Path) -> Path:
    path = made / f"voice-{case.codec}{case.suffix}"
    encode_sound(path, case)
    return path


@pytest.fixture(scope="module")
def result(case: Case, voice: Path, film: Callable[..., Path], render: Callable[..., Path]) -> Path:
    face = film(f"face-{case.codec}.mp4", 6, case.rate, tags=case.tags)
    return render(face, voice)


def test_a_result_lasts_as_long_as_its_voice(case: Case, voice: Path, result: Path) -> None:
    said = decoded_seconds(voice)
    with av.open(str(result)) as container:
        shown = sum(1 for _ in container.decode(video=0)) / case.rate
    heard = decoded_seconds(result)
    print(f"\n  said {said:.3f} s, shown {float(shown):.3f} s, heard {heard:.3f} s")
    assert abs(said - case.seconds) < 0.2  # the voice is what we think it is
    assert abs(shown - said) <= 1 / case.rate
    assert abs(heard - said) <= 1 / case.rate


def test_ffprobe_reads_what_a_result_claims_to_be(case: Case, voice: Path, result: Path) -> None:
    video, sound = probed(result)
    print(f"\n  {video['codec_name']} {video['r_frame_rate']}, {sound['codec_name']}")
    assert (video["codec_name"], sound["codec_name"]) == ("h264", case.heard_as)
    assert video["pix_fmt"] == ("yuvj420p" if case.tags[3] == 2 else "yuv420p")
    assert Fraction(video["r_frame_rate"]) == Fraction(video["avg_frame_rate"]) == case.rate
    assert (video["width"], video["height"]) == (640, 360)
    assert video["nb_read_frames"] == video["nb_frames"]
    assert int(video["nb_frames"]) == round(decoded_seconds(voice) * float(case.rate))
    assert float(video["start_time"]) == 0
    tags = [video[f"color_{name}"] for name in ("space", "primaries", "transfer", "range")]
    assert tags == [*(NAMES[tag] for tag in case.tags[:3]), SWINGS[case.tags[3]]]


def test_a_player_may_begin_before_it_has_the_whole_result(result: Path) -> None:
    order = list(atoms(result))
    assert order.index("moov") < order.index("mdat")


def encode_sound(path: Path, case: Case) -> None:
    """The beginning of a real sentence, in another format."""
    with (
        av.open(str(VOICES / "harbour.flac")) as source,
        av.open(str(path), "w") as target,
    ):
        stream = target.add_stream(case.codec, rate=case.hertz, layout=case.layout)
        context = stream.codec_context
        context.open()
        resample = av.AudioResampler(
            context.format, context.layout, case.hertz, context.frame_size or 1024
        )
        decoded = itertools.chain(source.decode(audio=0), [None])
        parts = (part for frame in decoded for part in resample.resample(frame))
        samples = 0
        for part in parts:
            if samples >= case.seconds * case.hertz:
                break
            part.pts, part.time_base = samples, Fraction(1, case.hertz)
            samples += part.samples
            target.mux(stream.encode(part))
        target.mux(stream.encode(None))


def decoded_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        frames = container.decode(audio=0)
        return float(sum(Fraction(frame.samples, frame.sample_rate) for frame in frames))


def probed(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ffprobe finds in the video stream and in the sound stream, after reading all of both."""
    if not shutil.which("ffprobe"):
        pytest.skip("ffprobe is not installed, which would judge the result independently")
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stderr == ""
    video, sound = json.loads(found.stdout)["streams"]
    return video, sound


def atoms(path: Path) -> Iterator[str]:
    """The names of an MP4's outermost boxes, in order."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name.decode()
        at += size
