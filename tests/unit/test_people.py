"""A person is known by a picture, whoever else is there, and nobody is taken for a stranger."""

import lzma
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, sface, write_safetensors
from support.media.clips import clip

from lipsyncd.errors import CheckpointInvalid, NoFace
from lipsyncd.face.face import Face
from lipsyncd.face.track import Run
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.model.recogniser import ALIKE, Recogniser, load_recogniser
from lipsyncd.protocol.options import Options
from lipsyncd.render.models import Finder
from lipsyncd.render.people import LOOKS, People
from lipsyncd.render.plan import Planner

GROUP = clip("multi_face.jpg")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


@pytest.fixture(scope="module")
def group(models: InProcess) -> tuple[Frame, list[Face]]:
    """Five people, from the left."""
    frame = next(examine_source(GROUP, "The face").frames())
    return frame, sorted(Finder(models).faces(frame), key=lambda face: face.box.left)


@pytest.fixture
def portrait(group: tuple[Frame, list[Face]], tmp_path: Path) -> list[Path]:
    """A picture of each of them: smaller, mirrored, brighter."""
    frame, faces = group
    pixels = frame.bgr(frame.width, frame.height)
    paths = []
    for number, face in enumerate(faces):
        wide, box = round(0.4 * face.box.width), face.box
        top, left = max(0, round(box.top) - wide), max(0, round(box.left) - wide)
        cut = pixels[top : round(box.bottom) + wide, left : round(box.right) + wide, ::-1]
        shown = cv2.convertScaleAbs(cut[:, ::-1], alpha=1.15)
        picture = av.VideoFrame.from_ndarray(cv2.resize(shown, None, fx=0.8, fy=0.8), "rgb24")
        paths.append(tmp_path / f"person{number}.png")
        picture.save(str(paths[-1]))
    return paths


def runs_of(faces: list[Face], frame: Frame, people: People, looks: int = 1) -> list[Run]:
    runs = [Run(0, False) for _ in faces]
    for run, face in zip(runs, faces, strict=True):
        run.grow(face.row()[None])
        for _ in range(looks):
            people.look(run, frame, face)
    return runs


def test_each_is_known_among_the_others(
    models: InProcess, group: tuple[Frame, list[Face]], portrait: list[Path]
) -> None:
    frame, faces = group
    people = People(portrait, models)
    runs = runs_of(faces, frame, people)
    likeness = np.array([[people.likeness(run, each) for run in runs] for each in range(5)])
    assert list(likeness.argmax(axis=1)) == [0, 1, 2, 3, 4]
    assert likeness.diagonal().min() > 2 * ALIKE


def test_a_face_is_looked_at_a_few_times(
    models: InProcess,
    group: tuple[Frame, list[Face]],
    portrait: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people, looks = People(portrait[:1], models), []
    person = people._recogniser.person
    monkeypatch.setattr(people._recogniser, "person", lambda *a: looks.append(1) or person(*a))
    runs_of(group[1][:1], group[0], people, looks=3 * LOOKS)
    assert len(looks) == LOOKS


def test_a_face_that_nobody_could_look_at_is_like_nobody(
    models: InProcess, group: tuple[Frame, list[Face]], portrait: list[Path]
) -> None:
    people = People(portrait[:1], models)
    (run,) = runs_of([Face(group[1][0].box)], group[0], people)
    assert people.likeness(run, 0) == -1


def planned(models: InProcess, who: str, *pictures: Path) -> list[tuple[float, int]]:
    """Where the chosen faces are, from the left, and which voice each follows."""
    source, options = examine_source(GROUP, "The face"), Options(who=who)
    planner = Planner(options, models, 5, source.rate, People(pictures, models))
    for _ in planner.look(source.frames()):
        pass
    return [(track.rows[0, 0], track.voice) for track in planner.plan().tracks]


def test_the_lips_of_whom_a_picture_shows_move(
    models: InProcess, group: tuple[Frame, list[Face]], portrait: list[Path]
) -> None:
    ((left, voice),) = planned(models, "pictured", portrait[3])
    assert (round(left), voice) == (round(group[1][3].box.left), 0)


def test_in_a_dialogue_each_picture_is_of_its_own_voice(
    models: InProcess, group: tuple[Frame, list[Face]], portrait: list[Path]
) -> None:
    found = planned(models, "pictured left pictured", portrait[2], portrait[1])
    lefts = [round(group[1][place].box.left) for place in (2, 0, 1)]
    assert [(round(left), voice) for left, voice in found] == list(
        zip(lefts, range(3), strict=True)
    )


def test_who_is_not_there_is_told_so(models: InProcess) -> None:
    with pytest.raises(NoFace, match="none of the person on the picture"):
        planned(models, "pictured", clip("single_face.jpg"))


def test_a_picture_without_a_face_is_refused(models: InProcess, tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    av.VideoFrame.from_ndarray(np.full((240, 320, 3), 90, np.uint8), "rgb24").save(str(picture))
    with pytest.raises(NoFace, match="the picture of the person"):
        People([picture], models)


def test_a_face_is_cut_out_as_opencv_does(group: tuple[Frame, list[Face]], tmp_path: Path) -> None:
    """Against the alignment of cv2.FaceRecognizerSF."""
    frame, faces = group
    path = tmp_path / "sface.onnx"
    path.write_bytes(lzma.decompress(sface().content))
    row = np.append(faces[0].row(), 1).astype(np.float32)
    row[2:4] -= row[:2]
    pixels = frame.bgr(frame.width, frame.height)
    aligned = cv2.FaceRecognizerSF.create(str(path), "").alignCrop(pixels, row[None])
    recogniser = Recogniser(sface())
    recogniser._net.setInput(cv2.dnn.blobFromImage(aligned, swapRB=True), "data")
    theirs = recogniser._net.forward().ravel()
    assert recogniser.person(frame, faces[0]) @ theirs / np.linalg.norm(theirs) > 0.98


def test_another_file_is_no_recogniser(tmp_path: Path) -> None:
    (tmp_path / "sface").write_bytes(sface().content[:-1])
    with pytest.raises(CheckpointInvalid, match="is not the known SFace"):
        load_recogniser(tmp_path / "sface", lambda _: None)
