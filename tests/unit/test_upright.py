"""Faces that lie on their side or upside down are found by nobody, and known for what they are."""

import numpy as np
import pytest
from support.checkpoints import yunet
from support.media.clips import clip

from lipsyncd.face.face import Face
from lipsyncd.face.track import Find
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector
from lipsyncd.render.neutrals import rotated
from lipsyncd.render.upright import TRIES, Upright, turned

NAMES = ["single_face.mp4", "single_face.jpg", "multi_face.jpg"]


@pytest.fixture(scope="module")
def find() -> Find:
    return Detector(yunet()).faces


def first_frame(name: str) -> Frame:
    return next(examine_source(clip(name), "The face").frames())


def inclined(frame: Frame, degrees: float) -> Frame:
    """The frame around its middle, turned clockwise."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = np.array([frame.width, frame.height]) / 2
    return rotated(frame, np.column_stack([turn, middle - turn @ middle]))


@pytest.mark.parametrize("name", NAMES)
def test_upright_faces_are_all_found(find: Find, name: str) -> None:
    upright, frame = Upright(find), first_frame(name)
    assert upright.faces(frame) == find(frame)
    assert upright.faces(frame) == find(frame)
    assert not upright.has_refused


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_frame_on_its_side_or_upside_down_has_none(find: Find, name: str, quarters: int) -> None:
    upright, frame = Upright(find), turned(first_frame(name), quarters)
    assert upright.faces(frame) == []
    assert upright.has_refused


@pytest.mark.parametrize("degrees", [-30, 30])
def test_an_inclined_head_is_upright_enough(find: Find, degrees: int) -> None:
    upright, frame = Upright(find), inclined(first_frame("single_face.mp4"), degrees)
    (face,) = upright.faces(frame)
    assert np.degrees(face.roll) == pytest.approx(degrees, abs=8)


def test_a_frame_without_any_face_is_not_refused(find: Find) -> None:
    upright = Upright(find)
    assert upright.faces(first_frame("no_face.mp4")) == []
    assert not upright.has_refused


def test_a_video_without_faces_is_not_looked_at_from_all_sides_for_ever() -> None:
    asked = []

    def find(frame: Frame) -> list[Face]:
        asked.append(frame)
        return []

    upright, frame = Upright(find), first_frame("single_face.jpg")
    for _ in range(3 * TRIES):
        upright.faces(frame)
    assert len(asked) == 3 * TRIES + 3 * TRIES


def test_what_is_upside_down_once_is_not_refused_for_ever(find: Find) -> None:
    upright, frame = Upright(find), first_frame("single_face.mp4")
    assert upright.faces(turned(frame, 2)) == []
    assert upright.faces(frame) == find(frame)
