"""What the quality bench measures: each measure sees the fault that it is for, and no other."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.checkpoints import InProcess, models_of, random_generator, write_safetensors
from support.media.faces import STUDIO, Drawn, drawn, face_of, landmarks_of
from support.media.synthetic import babble, frame_of, write_still, write_voice
from support.quality import metrics, pictures
from support.quality.footage import Footage, Viewer, steadied, well_within
from support.quality.rendered import Settings, rendered

from lipsyncd.face.box import Box
from lipsyncd.face.face import Face
from lipsyncd.face.lips import Lips
from lipsyncd.face.warp import place_of
from lipsyncd.media.frame import Frame
from lipsyncd.protocol.options import Options

FACE: Drawn = (160, 110, 70)
COUNT = 12
LIP = 6.0  # pixels: how thick a lip is
SHOWN = np.ones(COUNT, bool)

Paint = Callable[[np.ndarray, int], np.ndarray]  # RGB of a frame, and its number


def footage(paint: Paint = lambda rgb, _: rgb, *, moves: bool = True) -> Footage:
    """A drawn face with skin that is never flat, each frame painted over."""
    frame = drawn(320, 240, [FACE])
    grain = np.random.default_rng(2).normal(0, 6, (240, 320, 1))
    rgb = frame.bgr(320, 240)[..., ::-1] + cv2.GaussianBlur(grain, (0, 0), 1.5)[..., None]
    frames = []
    for number in range(COUNT):
        trembled = rgb + (number % 2) * np.sin(np.arange(320))[:, None]
        painted = paint(np.clip(trembled, 0, 255).astype(np.uint8), number)
        frames.append(frame_of(painted, number if moves else 0))
    faces, lips = [face_of(FACE)] * COUNT, [lips_of(FACE)] * COUNT
    return Footage(frames, Fraction(25), STUDIO, faces, lips, SHOWN)


def lips_of(face: Drawn, gap: float = 0.0) -> Lips:
    """Lips between the corners of the drawn mouth, so many pixels apart."""
    (left, y), (right, _) = landmarks_of(face)[3:]
    columns = np.linspace(left, right, 11)
    arch = np.sin(np.linspace(0, np.pi, 11))
    bow = gap / 2 * arch
    heights = (-bow - LIP * arch, -bow, bow, bow + LIP * arch)
    return Lips(*(np.column_stack([columns, y + height]) for height in heights))


def blurred(rgb: np.ndarray, _number: int) -> np.ndarray:
    return cv2.GaussianBlur(rgb, (0, 0), 2)


def outlined(rgb: np.ndarray, number: int, where: Box | None = None) -> np.ndarray:
    """With an edge where the mask of the transfer blend ends."""
    place = place_of(where or face_of(FACE).box)
    middle, radii = place @ [47.5, 71, 1], (0.85 * 42 * place[0, 0], 0.85 * 24 * place[1, 1])
    size = tuple(map(round, radii))
    return cv2.ellipse(rgb.copy(), tuple(map(round, middle)), size, 0, 0, 360, (60, 60, 60), 1)


def tinted(rgb: np.ndarray, _number: int) -> np.ndarray:
    return np.clip(rgb + np.array([0, -25, 25]), 0, 255).astype(np.uint8)


def darker(rgb: np.ndarray, _number: int) -> np.ndarray:
    return (0.8 * rgb).astype(np.uint8)


def noisy(rgb: np.ndarray, number: int) -> np.ndarray:
    noise = np.random.default_rng(number).normal(0, 4, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


# Pictures


@pytest.mark.parametrize(
    "measure",
    [pictures.sharpness, pictures.skin, pictures.seam, pictures.flicker],
    ids=lambda each: each.__name__,
)
def test_a_result_that_changes_nothing_has_one(measure: Callable[..., float]) -> None:
    assert measure(footage(), footage()) == 1


def test_a_blurred_mouth_is_less_sharp() -> None:
    assert pictures.sharpness(footage(), footage(blurred)) < 0.5


def test_teeth_are_detail_and_no_skin() -> None:
    """A smile has more of it than a closed mouth; its lips have not."""
    lips = [lips_of(FACE, gap=14)] * COUNT
    x, y = lips[0].upper[5].astype(int)

    def smiling(rgb: np.ndarray, _number: int) -> np.ndarray:
        rgb = rgb.copy()
        rgb[y + 3 : y + 11, x - 8 : x + 9 : 2] = 255
        return rgb

    smile, closed = replace(footage(smiling), lips=lips), footage()
    assert pictures.sharpness(smile, closed) < 0.5
    assert pictures.skin(smile, closed) == pytest.approx(1, abs=0.05)
    assert pictures.skin(smile, footage(blurred)) < 0.5


def test_what_is_blurred_elsewhere_makes_no_mouth_less_sharp() -> None:
    def forehead(rgb: np.ndarray, number: int) -> np.ndarray:
        return np.vstack([blurred(rgb, number)[:100], rgb[100:]])

    assert pictures.sharpness(footage(), footage(forehead)) == pytest.approx(1)


def test_an_edge_where_the_mask_ends_is_a_seam() -> None:
    assert pictures.seam(footage(), footage(outlined)) > 1.5


def test_an_edge_elsewhere_is_none() -> None:
    def on_the_brow(rgb: np.ndarray, number: int) -> np.ndarray:
        return outlined(rgb, number, Box(110, -20, 180, 60))

    assert pictures.seam(footage(), footage(on_the_brow)) == pytest.approx(1)


def test_noise_of_each_frame_is_flicker() -> None:
    assert pictures.flicker(footage(), footage(noisy)) > 2


def test_another_colour_that_stays_is_none() -> None:
    assert pictures.flicker(footage(), footage(darker)) == pytest.approx(0.8, abs=0.1)


def test_a_still_has_no_flicker_to_compare_with() -> None:
    assert np.isnan(pictures.flicker(footage(moves=False), footage(noisy)))


def test_a_tint_is_a_difference_of_colour_and_a_shadow_no_tint() -> None:
    colour = pytest.importorskip(
        "support.quality.colour", reason="scikit-image comes with make bench-quality"
    ).colour
    assert colour(footage(), footage()) == (0, 0)
    both, tint = colour(footage(), footage(tinted))
    assert (both, tint) > (5, 5)
    both, tint = colour(footage(), footage(darker))
    assert both > 5
    assert tint < both / 3


# Lips and a voice


def test_lips_follow_loudness_even_a_little_late() -> None:
    loudness = np.random.default_rng(1).random(90)
    late, other = np.roll(loudness, 2), np.roll(loudness, 40)
    shown = np.ones(90, bool)
    assert metrics.following(late, loudness, shown) == pytest.approx(1)
    assert metrics.following(other, loudness, shown) < 0.5


def test_frames_without_a_face_say_nothing_of_how_lips_follow() -> None:
    loudness = np.random.default_rng(1).random(90)
    openness, shown = loudness.copy(), np.ones(90, bool)
    openness[30:60], shown[30:60] = 1, False
    assert metrics.following(openness, loudness, shown) == pytest.approx(1)


def test_lips_meet_where_they_are_closed_within_80_ms() -> None:
    openness = np.full(COUNT, 0.2)
    openness[5] = 0.01
    moments = [0.2, 0.27, 0.13, 0.3, 0.0]
    assert metrics.meetings(openness, SHOWN, 25, moments) == [True, True, True, False, False]
    hidden = SHOWN.copy()
    hidden[4] = False
    assert metrics.meetings(openness, hidden, 25, [0.2, 0.4]) == [False]


def test_a_mouth_that_is_open_while_nobody_speaks_is_a_leak() -> None:
    openness, speech = np.array([0.2, 0.2, 0.0, 0.2]), np.array([1.0, 0.0, 0.0, 0.4])
    assert metrics.leak(openness, SHOWN[:4], speech) == 0.5
    assert np.isnan(metrics.leak(openness, SHOWN[:4], np.ones(4)))


def test_opening_is_that_of_the_widest_mouths() -> None:
    openness = np.array([lips_of(FACE, gap=each).openness for each in range(11)])
    assert metrics.opening(openness, SHOWN[:11]) == openness[9]
    assert np.isnan(metrics.opening(openness, ~SHOWN[:11]))


# Footage


def test_what_was_found_is_carried_over_frames_without_a_face() -> None:
    here = Face(Box(10, 10, 50, 60))
    faces = steadied([[], [here], [], []])
    np.testing.assert_allclose([each.box.array() for each in faces], [here.box.array()] * 4)


def test_frames_beside_one_without_a_face_do_not_count() -> None:
    seen = np.array([True] * 10 + [False] + [True] * 9)
    assert np.flatnonzero(~well_within(seen)).tolist() == list(range(6, 15))


def test_frames_are_counted_until_one_comes_again() -> None:
    shown = footage()
    assert shown.once == COUNT
    back = [*shown.frames[:5], Frame(3, shown.frames[3].picture)]
    assert Footage(back, shown.rate, STUDIO, [], [], SHOWN[:6]).once == 5


def test_networks_see_25_frames_a_second() -> None:
    frames = footage().frames * 5
    fast = Footage(frames, Fraction(50), STUDIO, [], [], np.ones(60, bool))
    assert fast.trained.tolist() == list(range(0, 60, 2))


# A render


def test_a_result_is_seen_as_its_source_is(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "generator.safetensors", random_generator())
    models = InProcess(models_of(path))
    rgb = drawn(320, 240, [FACE]).bgr(320, 240)[..., ::-1]
    face = write_still(tmp_path / "face.png", np.ascontiguousarray(rgb))
    voice = write_voice(tmp_path / "voice.wav", babble(0.6))
    made = rendered(
        face,
        voice,
        tmp_path / "result.mp4",
        models=models,
        options=Options(blend="soft"),
        settings=Settings(crf=0),
    )
    viewer = Viewer(models)
    source = viewer.source(face, Fraction(3, 5))
    result = viewer.result(made, source)
    assert len(source) == len(result) == 15
    assert source.shown.all()
    assert source.is_still
    assert result.faces == source.faces
    assert result.crops().shape == (15, 96, 96, 3)
