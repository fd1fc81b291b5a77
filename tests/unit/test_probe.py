"""A probe tells what a render would meet, also where it would fail."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.paths import VOICES
from support.quality.rendered import Settings

from lipsyncd.errors import UnreadableMedia
from lipsyncd.face.track import Run
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.probe import Probe, Stream
from lipsyncd.render import probe as module
from lipsyncd.render.probe import probe
from lipsyncd.render.report import most_at_once
from lipsyncd.render.scene import Files

HARBOUR = VOICES / "harbour.flac"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def probed(models: InProcess, face: Path, *voices: Path, **chosen: object) -> Probe:
    files = Files(face, voices, io.BytesIO(), io.BytesIO())
    for _ in probe(Options(**chosen), files, models, Settings()):
        pass
    return Probe.from_json(files.result.getvalue())


def test_a_face_that_leaves_is_told_with_its_gap(models: InProcess) -> None:
    told = probed(models, clip("face_noface.mov"), HARBOUR)
    assert told.streams[1] == Stream("video", "hevc", "yuv420p", 960, 540, pytest.approx(26.4, 0.1))
    assert (told.width, told.height, told.rate, told.rotation) == (960, 540, 30.0, 0)
    assert told.colour == "BT709, limited range"
    assert told.seconds == pytest.approx(6.4, abs=0.1)
    assert (told.frames, told.looked_seconds) == (113, pytest.approx(113 / 30))
    (face,) = told.faces
    (gap,) = told.gaps
    assert face.voice == 1
    assert face.coverage == 1.0
    assert face.end == gap.start == pytest.approx(2.4, abs=0.1)
    assert told.coverage == pytest.approx(face.end / told.looked_seconds, abs=0.01)
    assert told.error is None
    of_rate, of_gap = told.warnings  # those that the job would note
    assert of_rate.startswith("The face has 26.398 pictures a second in the mean")
    assert of_gap == "There is no face at 0:02.4-0:03.8: the picture is left as it is."


def test_without_a_voice_there_is_no_result_and_all_faces_are_told(models: InProcess) -> None:
    told = probed(models, clip("multi_face.jpg"))
    assert (told.voices, told.frames, told.result_seconds, told.seconds) == ((), 0, None, None)
    assert len(told.faces) == 5
    assert [face.voice for face in told.faces].count(1) == 1
    assert told.warnings[-1].startswith("There are up to 5 faces at once")


def test_a_face_that_no_render_would_take_is_told_with_the_reason(models: InProcess) -> None:
    told = probed(models, clip("no_face.mp4"), HARBOUR)
    assert told.error
    assert told.error["name"] == "input.no_face"
    assert (told.faces, told.coverage, told.frames) == ((), 0.0, 90)


def test_a_voice_of_no_use_is_told_and_the_face_all_the_same(models: InProcess) -> None:
    told = probed(models, clip("single_face.mp4"), clip("single_face.jpg"))
    assert told.error
    assert told.error["name"] == "input.no_audio"
    assert len(told.faces) == 1


def test_less_than_the_client_bears_with_is_told_as_an_error(models: InProcess) -> None:
    told = probed(models, clip("face_noface.mov"), HARBOUR, min_coverage=0.9)
    assert told.error
    assert told.error["name"] == "input.face_away"
    assert told.faces[0].voice == 1


def test_what_is_no_media_is_refused(models: InProcess, tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(b"face")
    with pytest.raises(UnreadableMedia):
        probed(models, tmp_path / "face")


def test_of_a_long_video_only_the_beginning_is_looked_at(
    models: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOKED_SECONDS", 1)
    told = probed(models, clip("single_face.mp4"))
    assert told.looked_seconds == 1.0
    assert told.seconds == pytest.approx(2.4, abs=0.1)
    assert told.warnings == ("Only the first 1 s of the video were looked at.",)


def test_how_a_short_video_goes_on_is_told(models: InProcess) -> None:
    told = probed(models, clip("single_face.mp4"), HARBOUR, extend="freeze")
    assert told.warnings == (
        "The voice is longer than the video: at 0:02.4 the last picture stays.",
    )


def test_faces_at_once_are_those_of_one_frame() -> None:
    runs = [run(0, 10), run(5, 10), run(15, 3)]
    assert (most_at_once(runs), most_at_once([])) == (2, 0)


def run(start: int, count: int) -> Run:
    made = Run(start, opens=False)
    made.grow(np.zeros((count, 14)))
    return made


def test_what_is_no_probe_is_not_believed(models: InProcess) -> None:
    fields = probed(models, clip("single_face.jpg")).as_map()
    for name, value in {"width": "wide", "faces": [{"start": 0}], "cuts": [None]}.items():
        with pytest.raises((KeyError, TypeError, ValueError)):
            Probe.from_json(json.dumps(fields | {name: value}).encode())
    long = Probe.from_json(json.dumps(fields | {"colour": "x" * 10_000, "more": 1}).encode())
    assert len(long.colour) == 300
