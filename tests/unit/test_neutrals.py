"""A render fetches the neutral face of a track once, upright and with its mouth closed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.clips import clip
from support.media.faces import Drawn, drawn, face_of, moved

from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.face import Face
from lipsyncd.face.lips import FINE, SHUT
from lipsyncd.face.neutral import as_bgr
from lipsyncd.face.teeth import SHADED
from lipsyncd.face.track import Track
from lipsyncd.face.warp import crop_of, inverted, place_of
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source, examine_source
from lipsyncd.render.models import Finder
from lipsyncd.render.neutrals import KEPT, UPRIGHT, Neutrals, upright

FACE: Drawn = (320, 240, 90)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    return InProcess(models_of(write_safetensors(path, random_generator())))


def source_of(name: str) -> Source:
    return examine_source(clip(name), "The face")


def track_in(source: Source, models: InProcess, index: int = 0) -> Track:
    """A track of the face in one frame of a source."""
    face = Finder(models).faces(next(source.frames(index)))[0]
    return Track(index, face.row()[None], np.ones(1), index)


def inclined(angle: float) -> tuple[Frame, Face]:
    """A drawn face, turned clockwise about its middle."""
    cos, sin = math.cos(angle), math.sin(angle)
    face, turned = face_of(FACE), np.array([[cos, -sin], [sin, cos]])
    middle = face.box.middle - 0.5
    change = np.column_stack([turned, middle - turned @ middle])
    return moved(drawn(640, 480, [FACE]), face, change)


# Neutral faces


def test_a_neutral_face_is_that_of_its_frame(models: InProcess) -> None:
    source = source_of("single_face.mp4")
    track = track_in(source, models, 10)
    neutral, frame = Neutrals(source, models).of(track), next(source.frames(10))
    assert neutral.face == track.face(10)
    (near,) = Finder(models).faces(frame)
    np.testing.assert_array_equal(neutral.place, place_of(near.box))
    np.testing.assert_array_equal(neutral.samples, crop_of(frame, neutral.place))
    np.testing.assert_array_equal(neutral.crop, as_bgr(neutral.samples, source.colour))


def test_its_mouth_at_rest_is_what_the_generator_makes_of_silence(models: InProcess) -> None:
    source = source_of("single_face.mp4")
    neutral = Neutrals(source, models).of(track_in(source, models))
    silence = np.full((1, 80, 16), -4, np.float32)
    wanted = models.mouths(neutral.crop[None], silence, True, neutral.crop[None])[0]
    assert neutral.rest.shape == (HALF, CROP, 3)
    np.testing.assert_array_equal(neutral.rest, wanted)


def test_a_smile_is_closed(models: InProcess) -> None:
    """A photograph has no other frame in which the mouth is at rest."""
    source = source_of("single_face.jpg")
    track, landmarker = track_in(source, models), models.landmarker
    frame, face = next(source.frames()), track.face(0)
    lips = landmarker.lips(frame, face)
    neutral = Neutrals(source, models).of(track)
    inside = lips.moved(inverted(neutral.place))
    column, top, bottom = 47, inside.upper[5, 1], inside.lower[5, 1]
    teeth = np.s_[round(top) + 1 : round(bottom), column - 8 : column + 9]
    before, after = crop_of(frame, neutral.place)[teeth][..., 0], neutral.samples[teeth][..., 0]
    assert lips.openness > SHUT
    assert after.max() < before.max() - 20  # teeth are bright


def test_its_teeth_are_those_of_the_frame_that_shows_them(models: InProcess) -> None:
    """A video whose mouth is closed at first, and smiles later on."""
    source = source_of("single_face.mp4")
    find, later = Finder(models).faces, 60
    faces = [find(next(source.frames(index)))[0] for index in (0, later)]
    rows = np.linspace(faces[0].row(), faces[1].row(), later + 1)
    closed, smiling = (Track(0, rows, np.ones(later + 1), 0, teeth=each) for each in (None, later))
    neutrals = Neutrals(source, models)
    assert neutrals.of(closed).teeth is None
    neutral, frame = neutrals.of(smiling), next(source.frames(later))
    assert neutral.teeth
    luma = frame.planes()[0]
    assert neutral.teeth.patches[0].samples.shape < luma.shape
    lips = models.landmarker.lips(frame, faces[1]).moved(inverted(neutral.found(frame, faces[1])))
    middle = (lips.upper[5] + lips.lower[5]) / 2
    column, row = (FINE * (middle - (0, HALF))).astype(int)
    around = neutral.teeth.shown[row - FINE : row + FINE, column - 4 * FINE : column + 4 * FINE]
    assert around.mean() > 0.5 * SHADED
    assert neutral.teeth.shown[-8 * FINE :].max() == 0


def test_other_weights_have_a_mouth_at_rest_of_their_own(models: InProcess) -> None:
    source = source_of("single_face.mp4")
    track, neutrals = track_in(source, models), Neutrals(source, models)
    before = neutrals.of(track)
    assert neutrals.of(track) is before
    models.changes += 1
    after = neutrals.of(track)
    assert after is not before
    np.testing.assert_array_equal(after.rest, before.rest)  # these weights are the same again


def test_as_many_neutral_faces_are_kept_as_are_needed_at_a_time(
    models: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is made once, and the oldest has to be made again."""
    source, asked, mouths = source_of("single_face.jpg"), [], models.mouths

    def counted(*inputs: object) -> np.ndarray:
        asked.append(inputs)
        return mouths(*inputs)

    monkeypatch.setattr(models, "mouths", counted)
    first = track_in(source, models)
    tracks, neutrals = [replace(first) for _ in range(KEPT)], Neutrals(source, models)
    made = [neutrals.of(track) for track in tracks]
    assert [neutrals.of(track) for track in tracks] == made
    assert len(asked) == KEPT
    neutrals.of(first)
    assert neutrals.of(tracks[-1]) is made[-1]
    assert len(asked) == KEPT + 1
    assert neutrals.of(tracks[0]) is not made[0]
    assert len(asked) == KEPT + 2


# Upright


@pytest.mark.parametrize("angle", [0.0, 0.9 * UPRIGHT, -0.9 * UPRIGHT])
def test_the_crop_of_a_head_that_is_hardly_inclined_is_its_box(
    models: InProcess, angle: float
) -> None:
    frame, face = inclined(angle)
    np.testing.assert_array_equal(upright(frame, face, Finder(models).faces), place_of(face.box))


@pytest.mark.parametrize("angle", [0.2, -0.35, 0.6])
def test_the_crop_of_an_inclined_head_is_as_if_it_were_not(models: InProcess, angle: float) -> None:
    find = Finder(models).faces
    frame, face = inclined(angle)
    plain = drawn(640, 480, [FACE])
    place, wanted = upright(frame, face, find), place_of(find(plain)[0].box)
    assert math.atan2(place[1, 0], place[0, 0]) == pytest.approx(angle)
    one, other = crop_of(frame, place)[..., 0], crop_of(plain, wanted)[..., 0]
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_an_inclined_head_that_is_not_found_upright_has_its_own_box(models: InProcess) -> None:
    frame, face = inclined(0.3)
    place = upright(frame, face, lambda _: [])
    assert math.atan2(place[1, 0], place[0, 0]) == pytest.approx(0.3)
    np.testing.assert_allclose(place @ [47.5, 47.5, 1], face.box.middle - 0.5)
    assert np.hypot(*place[:, 0]) * CROP == pytest.approx(face.box.width)
