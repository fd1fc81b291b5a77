"""A known face is found in another frame to a small part of a pixel, or left where it was put."""

import math
from typing import Any

import cv2
import numpy as np
import pytest
from support.checkpoints import yunet
from support.media.clips import clip
from support.media.synthetic import textured

from lipsyncd.face.align import Template, correlation, similarity
from lipsyncd.face.box import CROP, Box
from lipsyncd.face.warp import chained, gather, place_of
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector

MIDDLE = (47.5, 35.0)  # of the upper face in a crop
CORNERS = np.array([[x, y, 1.0] for x in (12, 84) for y in (12, 58)])  # around it
NEAR = 0.1  # pixels of the crop


@pytest.fixture(scope="module", params=["single_face.mp4", "single_face.jpg"])
def known(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """The luma of a frame, and the place of its face's crop, which is square."""
    frame = next(examine_source(clip(request.param), "The face").frames())
    box = Detector(yunet()).faces(frame)[0].box
    half, (x, y) = (box.width + box.height) / 4, box.middle
    return frame.planes()[0], place_of(Box(x - half, y - half, x + half, y + half))


def change_of(
    place: np.ndarray, angle: float = 0, scale: float = 1, shift: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """Where the pixels of a frame go if the head moves: about its middle, then by pixels."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    turned, middle = np.array([[cos, -sin], [sin, cos]]), place @ [*MIDDLE, 1]
    return np.column_stack([turned, middle + shift - turned @ middle])


def seen(luma: np.ndarray, change: np.ndarray, gain: float = 1, bias: float = 0) -> np.ndarray:
    """The frame after a change, in another light."""
    size = luma.shape[::-1]
    moved = cv2.warpAffine(
        luma.astype(np.float32),
        change,
        size,
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.clip(np.rint(gain * moved + bias), 0, 255).astype(np.uint8)


def apart(place: np.ndarray, other: np.ndarray) -> float:
    """How far two places are apart at most in the upper face, in pixels of the crop."""
    return float(np.hypot(*(place - other) @ CORNERS.T).max() / math.hypot(*place[:, 0]))


@pytest.mark.parametrize(
    "moved",
    [
        {"shift": (0.5, 0.25)},
        {"shift": (3.3, -2.1)},
        {"shift": (-6.0, 5.0)},
        {"angle": 0.05},
        {"angle": -0.12},
        {"scale": 1.05},
        {"scale": 0.94},
        {"angle": 0.04, "scale": 0.96, "shift": (2.4, 1.7)},
    ],
    ids=str,
)
@pytest.mark.parametrize(("gain", "bias"), [(1, 0), (1.2, -10), (0.6, 20)])
def test_a_face_that_has_moved_is_found_in_any_light(
    known: tuple[np.ndarray, np.ndarray], moved: dict[str, Any], gain: float, bias: float
) -> None:
    luma, place = known
    change = change_of(place, **moved)
    wanted = chained(change, place)
    found = Template(gather(luma, place)).found(seen(luma, change, gain, bias), place)
    assert apart(found, wanted) < NEAR
    assert apart(place, wanted) > 2 * NEAR


def test_a_face_that_has_not_moved_stays(known: tuple[np.ndarray, np.ndarray]) -> None:
    luma, place = known
    assert apart(Template(gather(luma, place)).found(luma, place), place) < 1e-6


@pytest.mark.parametrize("shape", [(145, 213), (180, 150)])
def test_a_crop_may_be_higher_than_wide(
    known: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]
) -> None:
    luma, square = known
    x, y = square @ [47.5, 47.5, 1]
    width, height = shape
    place = place_of(Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    change = change_of(place, scale=1.04, shift=(2.5, -3))
    found = Template(gather(luma, place)).found(seen(luma, change), place)
    assert apart(found, chained(change, place)) < NEAR


def test_eyes_that_are_covered_do_not_matter_much(known: tuple[np.ndarray, np.ndarray]) -> None:
    """They blink; what fits badly counts less."""
    luma, place = known
    change = change_of(place, shift=(2.5, -1.5))
    wanted = chained(change, place)
    covered = seen(luma, change)
    (left, top), (right, bottom) = (wanted @ [[18, 56], [28, 40], [1, 1]]).T.astype(int)
    covered[top:bottom, left:right] = covered[top:bottom, left:right].mean()
    found = Template(gather(luma, place)).found(covered, place)
    assert apart(found, wanted) < 1.5 * NEAR


@pytest.mark.parametrize("level", [0, 90, 255])
def test_in_a_flat_picture_a_face_is_left_where_it_was_put(
    known: tuple[np.ndarray, np.ndarray], level: int
) -> None:
    luma, place = known
    found = Template(gather(luma, place)).found(np.full_like(luma, level), place)
    np.testing.assert_array_equal(found, place)


@pytest.mark.parametrize("seed", range(1, 5))
def test_in_another_picture_a_face_is_left_where_it_was_put(
    known: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    luma, place = known
    other = textured(seed, 640, 560)[..., 0]
    found = Template(gather(luma, place)).found(other, place)
    np.testing.assert_array_equal(found, place)


def test_a_flat_face_is_left_where_it_was_put(known: tuple[np.ndarray, np.ndarray]) -> None:
    luma, place = known
    flat = Template(np.full((CROP, CROP), 120, np.uint8))
    np.testing.assert_array_equal(flat.found(luma, place), place)


def test_what_is_hardly_recognised_is_believed_in_part(
    known: tuple[np.ndarray, np.ndarray],
) -> None:
    """So that a face that is covered bit by bit does not jump."""
    luma, place = known
    change, template = change_of(place, shift=(4, 0)), Template(gather(luma, place))
    noise = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, luma.shape), (0, 0), 6)
    covers = (level * noise / noise.std() for level in np.linspace(0, 120, 25))
    went = [apart(template.found(seen(luma + cover, change), place), place) for cover in covers]
    whole = apart(chained(change, place), place)
    assert went[0] == pytest.approx(whole, abs=NEAR)
    assert went[-1] == 0
    assert any(0.1 * whole < each < 0.9 * whole for each in went)


def test_correlation_is_that_of_two_rows_and_0_for_flat_ones() -> None:
    values = np.array([1.0, 4, 2, 8])
    assert correlation(values, 3 * values - 7) == pytest.approx(1)
    assert correlation(values, -values) == pytest.approx(-1)
    assert correlation(values, np.ones(4)) == 0


# Points


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_a_similarity_carries_points_to_where_they_went(angle: float) -> None:
    points = np.array([[10.0, 20], [50, 25], [30, 60]])
    cos, sin = 1.3 * math.cos(angle), 1.3 * math.sin(angle)
    wanted = np.array([[cos, -sin, 7], [sin, cos, -4]])
    others = points @ wanted[:, :2].T + wanted[:, 2]
    found = similarity(points, others, np.array([1, 1, 0.6]))
    np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_a_point_counts_by_its_weight() -> None:
    points = np.array([[10.0, 20], [50, 25], [30, 60]])
    others = points + [[3, 4], [3, 4], [90, -90]]
    found = similarity(points, others, np.array([1.0, 1, 0]))
    np.testing.assert_allclose(found, [[1, 0, 3], [0, 1, 4]], atol=1e-9)


def test_points_at_one_place_are_carried_without_harm() -> None:
    points = np.full((3, 2), 50.0)
    found = similarity(points, points + 8, np.ones(3))
    np.testing.assert_allclose(found @ [50, 50, 1], [58, 58])
