"""Faces are found closely, or quickly where all are large; a frame's never depend on another's."""

import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.media.faces import drawn
from support.media.synthetic import frame_of

from lipsyncd.face.face import Face
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.render.models import LARGE, Finder

LARGE_ONE, SMALL_ONE = (320, 240, 110), (560, 400, 26)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("finder") / "weights"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def quickly(models: InProcess, frame: Frame) -> list[Face]:
    return Finder(models, is_quick=True).faces(frame)


@pytest.mark.parametrize("name", ["single_face.mp4", "single_face.jpg"])
def test_a_large_face_is_found_at_a_quick_look_about_where_it_is(
    models: InProcess, name: str
) -> None:
    frame = next(examine_source(clip(name), "The face").frames())
    (found,), (close,) = quickly(models, frame), Finder(models).faces(frame)
    assert found != close
    assert found.box.overlap(close.box) > 0.85
    assert found.box.width >= LARGE * max(frame.width, frame.height)
    assert np.abs(found.points() - close.points()).max() < 0.1 * close.box.width


def test_beside_a_small_face_all_are_looked_at_closely(models: InProcess) -> None:
    frame = next(examine_source(clip("multi_face.jpg"), "The face").frames())
    assert quickly(models, frame) == Finder(models).faces(frame)


def test_where_a_quick_look_finds_none_there_is_a_closer_one(models: InProcess) -> None:
    frame = drawn(640, 480, [SMALL_ONE])
    assert quickly(models, frame) == Finder(models).faces(frame)


def test_what_was_found_before_makes_no_difference(models: InProcess) -> None:
    empty = frame_of(np.full((480, 640, 3), 128, np.uint8))
    frames = [drawn(640, 480, [LARGE_ONE]), drawn(640, 480, [SMALL_ONE]), empty]
    finder = Finder(models, is_quick=True)
    for frame in [*frames, *frames[::-1]]:
        assert finder.faces(frame) == quickly(models, frame)


def test_boxes_are_lowered_as_the_checkpoint_wants_them(models: InProcess) -> None:
    frame = next(examine_source(clip("single_face.jpg"), "The face").frames())
    (plain,), (found,) = models.new_detector().faces(frame), Finder(models).faces(frame)
    conventions = models.conventions
    assert found == plain.lowered(conventions.chin_share, conventions.chin_pixels)
