"""A preview is the picture that the render would write, at the times that are asked for."""

import io
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import av
import cv2
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.media.synthetic import write_video
from support.paths import VOICES
from support.quality.rendered import Settings

from lipsyncd.errors import InvalidRequest
from lipsyncd.face.blend import Blend
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame
from lipsyncd.media.part import PartEncoder
from lipsyncd.media.source import examine_source
from lipsyncd.protocol.options import Options
from lipsyncd.render import pipeline
from lipsyncd.render.dub import blend_of
from lipsyncd.render.plans import NoCache
from lipsyncd.render.preview import WIDEST, numbers_of, pixels_of, preview, shown
from lipsyncd.render.scene import Files, Scene

RATE = Fraction(25)
STUDIO = Colour(matrix=1, primaries=1, transfer=1, swing=1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[av.VideoFrame]:
    """What a render encodes."""
    pictures: list[av.VideoFrame] = []

    class Keeping(PartEncoder):
        def packets(self, picture: av.VideoFrame | None) -> Iterator[av.Packet]:
            pictures.append(picture)
            return super().packets(picture)

    monkeypatch.setattr(pipeline, "PartEncoder", Keeping)
    return pictures


def files_of(face: Path, work: BinaryIO) -> Files:
    return Files(face, (VOICES / "harbour.flac",), io.BytesIO(), work)


def previewed(face: Path, models: InProcess, options: Options, at: float, count: int) -> np.ndarray:
    with TemporaryFile() as work:
        files = files_of(face, work)
        for _ in preview(options, files, models, Settings(), at=at, count=count):
            pass
    png = np.frombuffer(files.result.getvalue(), np.uint8)
    return cv2.imdecode(png, cv2.IMREAD_COLOR)


@pytest.mark.parametrize("chosen", [{}, {"blend": "soft", "extend": "loop", "to": 3.0}])
def test_every_pixel_is_the_one_that_the_render_would_write(
    encoded: list[av.VideoFrame], models: InProcess, chosen: dict[str, Any]
) -> None:
    face, options = clip("single_face.mp4"), Options(**chosen)
    with TemporaryFile() as work, TemporaryFile() as result:
        files = replace(files_of(face, work), result=result)
        for _ in pipeline.render(options, files, models, Settings()):
            pass
    source = examine_source(face, "The face")
    for at in (1.2, 3.5):  # the second after the end of the video
        number = int(at * source.rate)
        wanted = pixels_of(encoded[number], source.colour)
        np.testing.assert_array_equal(previewed(face, models, options, at, 1), wanted)


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> list[Scene]:
    """What previews are made of."""
    made: list[Scene] = []

    def keeping(scene: Scene, models: InProcess) -> Blend:
        made.append(scene)
        return blend_of(scene, models)

    monkeypatch.setattr("lipsyncd.render.preview.blend_of", keeping)
    return made


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of a face, then a second of its mirror image, larger."""
    pictures = [frame.bgr(640, 360)[..., ::-1] for frame in islice(frames_of_a_face(), 15)]
    closer = [cv2.resize(each[:, ::-1], (960, 540))[90:450, 160:800] for each in pictures]
    path = tmp_path_factory.mktemp("shots") / "face.mkv"
    return write_video(path, [*pictures, *closer, *closer], codec="ffv1", rate=30)


def frames_of_a_face() -> Iterator[Frame]:
    return examine_source(clip("single_face.mp4"), "The face").frames()


def test_it_looks_no_further_than_the_shot_of_its_frame(
    encoded: list[av.VideoFrame], scenes: list[Scene], models: InProcess, two_shots: Path
) -> None:
    with TemporaryFile() as work, TemporaryFile() as result:
        files = replace(files_of(two_shots, work), result=result)
        for _ in pipeline.render(Options(), files, models, Settings()):
            pass
    source = examine_source(two_shots, "The face")
    for at, looked in ((0.4, range(16, 31)), (0.6, range(45, 46)), (2.0, range(45, 46))):
        found = previewed(two_shots, models, Options(), at, 1)
        wanted = pixels_of(encoded[int(at * source.rate)], source.colour)
        np.testing.assert_array_equal(found, wanted)
        assert scenes[-1].plan.frames in looked


@pytest.mark.parametrize("chosen", [{"extend": "cut"}, {"who": "320,180@1.0"}, {"max_gap": 9.0}])
def test_it_looks_through_all_where_that_decides(
    scenes: list[Scene], models: InProcess, two_shots: Path, chosen: dict[str, Any]
) -> None:
    previewed(two_shots, models, Options(**chosen), 0.4, 1)
    assert scenes[-1].plan.frames == 45


class Shelf(NoCache):
    """Where plans are kept."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def keep(self, name: str, content: bytes) -> None:
        self.kept.append(name)


def test_a_plan_of_the_beginning_alone_is_not_kept_for_others(
    models: InProcess, two_shots: Path
) -> None:
    for at, count in ((0.4, 0), (0.6, 1)):
        shelf = Shelf()
        with TemporaryFile() as work:
            files = replace(files_of(two_shots, work), plans=shelf)
            deque(preview(Options(), files, models, Settings(), at=at, count=1), maxlen=0)
        assert len(shelf.kept) == count


def test_a_strip_has_its_frames_side_by_side_and_is_no_wider_than_it_may(
    models: InProcess,
) -> None:
    face = clip("single_face.mp4")
    strip = previewed(face, models, Options(), 0.0, 8)
    first = previewed(face, models, Options(), 0.0, 1)
    height, width = strip.shape[:2]
    assert width == WIDEST
    assert height == round(first.shape[0] * (width / 8) / first.shape[1])
    small = cv2.resize(first, (width // 8, height), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(strip[:, : width // 8], small)


@pytest.mark.parametrize(
    "at, count, numbers",
    [
        (0.0, 1, [0]),
        (0.99, 1, [24]),
        (3.2, 1, [80]),
        (0.0, 4, [0, 25, 50, 75]),
        (2.0, 2, [50, 75]),
        (3.96, 3, [99]),
    ],
)
def test_frames_are_evenly_spread_from_their_time_to_the_end(
    at: float, count: int, numbers: list[int]
) -> None:
    assert numbers_of(at, count, 100, RATE) == numbers


def test_a_time_after_the_end_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^The result lasts 4\.0 s, and has no frame at 4 s"):
        numbers_of(4.0, 1, 100, RATE)


@pytest.mark.parametrize("bgr", [(20, 60, 200), (200, 30, 10), (128, 128, 128)])
def test_colours_are_those_that_a_player_shows(bgr: tuple[int, int, int]) -> None:
    y, u, v = (STUDIO.from_bgr @ [*bgr, 1]).round().astype(int).tolist()
    samples = np.vstack([np.full((16, 16), y), np.full((4, 16), u), np.full((4, 16), v)])
    picture = av.VideoFrame.from_ndarray(samples.astype(np.uint8), "yuv420p")
    assert np.abs(pixels_of(picture, STUDIO).astype(int) - bgr).max() <= 2


def test_pixels_that_are_not_square_are_made_so() -> None:
    source = examine_source(clip("single_face.mp4"), "The face")
    (picture, *_) = (frame.picture for frame in islice(source.frames(), 1))
    assert shown(picture, replace(source, aspect=Fraction(4, 3)), 1).shape == (360, 853, 3)
