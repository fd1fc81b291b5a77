"""Teeth are told from lips and from the dark between them, and are seen where they were."""

import numpy as np
import pytest
from support.media.faces import STUDIO
from support.media.lips import (
    CORNERS,
    GAP,
    HALF,
    MIDDLE,
    OPEN,
    lips_of,
    painted_mouth,
)

from lipsyncd.face.box import CROP, Box
from lipsyncd.face.box import HALF as LOWER
from lipsyncd.face.lips import FINE, Lips
from lipsyncd.face.neutral import FINER, as_bgr
from lipsyncd.face.teeth import SHADED, Teeth, teeth_between, teeth_in
from lipsyncd.face.warp import SUBSAMPLING, chained, crop_of, from_pixel, inverted, place_of
from lipsyncd.media.frame import Frame

PLACE = place_of(Box(64.3, 10.8, 260.3, 230.8))
LIGHTS = [1.0, 0.4]


def found(frame: Frame, lips: Lips | None = None) -> Teeth | None:
    fine = as_bgr(crop_of(frame, chained(PLACE, FINER), CROP * FINE), STUDIO)
    return teeth_in(frame, PLACE, fine, lips or lips_of())


def darkened(frame: Frame, light: float) -> Frame:
    """The frame in less light; its colours are as strong for that."""

    def dim(planes: tuple[np.ndarray, ...]) -> None:
        for plane, black in zip(planes, (16, 128, 128), strict=True):
            plane[:] = np.round(black + light * (plane.astype(float) - black))

    return frame.edited(dim)


@pytest.mark.parametrize("light", LIGHTS)
def test_a_row_of_teeth_is_found_where_it_is(light: float) -> None:
    """In the upper half of the opening."""
    teeth = found(darkened(painted_mouth(PLACE), light))
    assert teeth
    rows, columns = (np.mgrid[: LOWER * FINE, : CROP * FINE] + 0.5) / FINE - 0.5
    across, down = np.abs(columns - MIDDLE[0]), rows + LOWER - MIDDLE[1]
    arch = np.clip(1 - (across / HALF) ** 2, 0, 1)
    above, below = -OPEN[0] * arch, OPEN[1] * arch
    half = (above + below) / 2
    row = (down > above + 1) & (down < half - 1) & (across < HALF - CORNERS - 1)
    assert teeth.shown[row].min() > 0.9 * SHADED
    assert teeth.shown[(down > half + 2) & (across < HALF - CORNERS)].max() < 0.1  # the dark
    assert teeth.shown[(down < above - 1) | (down > below + 1)].max() < 0.1  # lips, and skin


@pytest.mark.parametrize("light", LIGHTS)
def test_a_dark_mouth_has_none(light: float) -> None:
    assert found(darkened(painted_mouth(PLACE, teeth=GAP), light)) is None


def test_a_glint_is_none() -> None:
    assert found(painted_mouth(PLACE, (0.4, 0.4)), lips_of((0.4, 0.4))) is None


def test_they_are_seen_where_they_are_in_the_frame() -> None:
    frame = painted_mouth(PLACE, seed=5)
    teeth = found(frame)
    assert teeth
    to_half = inverted(from_pixel(PLACE, 0, LOWER))
    for channel, step in enumerate(SUBSAMPLING):
        part = frame.planes()[channel][120 // step : 200 // step, 120 // step : 200 // step]
        to_frame = np.array([[step, 0, 120 + (step - 1) / 2], [0, step, 120 + (step - 1) / 2]])
        samples, _ = teeth.seen(channel, chained(to_half, to_frame), part.shape)
        np.testing.assert_allclose(samples, part, atol=1)


def test_at_a_look_more_are_seen_of_a_wider_smile_and_none_in_the_dark() -> None:
    def seen(opening: tuple[float, float], **how: tuple[int, int, int]) -> float:
        lips = lips_of(opening, PLACE)
        return teeth_between(lips, painted_mouth(PLACE, opening, **how).planes()[0])

    assert seen((5, 8)) > seen((3, 5)) > 0.02
    assert seen((5, 8), teeth=GAP) == 0


def test_lips_beyond_the_edges_of_a_frame_do_no_harm() -> None:
    away = np.array([[1, 0, -500], [0, 1, 900]])
    assert teeth_between(lips_of().moved(away), painted_mouth(PLACE).planes()[0]) >= 0
