"""A still that moves does so a little, smoothly, alike each time, and never shows what it lacks."""

from fractions import Fraction
from itertools import islice, repeat

import cv2
import numpy as np
from support.media.synthetic import frame_of, textured

from lipsyncd.media.frame import Frame
from lipsyncd.media.sway import ENLARGED, MOTIONS, swaying

RATE = Fraction(25)
WIDTH, HEIGHT = 320, 240


def shown(frame: Frame, count: int) -> list[np.ndarray]:
    frames = islice(swaying(repeat(frame), RATE), count)
    return [each.planes()[0].astype(np.float32) for each in frames]


def spot_in(picture: np.ndarray) -> np.ndarray:
    """The middle of what is bright, x and y."""
    weights = np.clip(picture - 100, 0, None)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.array([(weights * each).sum() for each in (columns, rows)]) / weights.sum()


def test_it_moves_a_little_from_each_frame_to_the_next() -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    cv2.circle(pixels, (200, 160), 12, (220, 220, 220), -1)
    places = [spot_in(each) for each in shown(frame_of(pixels), 100)]
    steps = np.hypot(*np.diff(places, axis=0).T)
    assert 0 < steps.mean() < 0.1
    assert steps.max() < 0.3
    assert 0.3 < np.hypot(*np.ptp(places, axis=0)) < 4


def test_the_same_still_moves_alike_each_time() -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    for picture, again in zip(shown(frame, 30), shown(frame, 30), strict=True):
        np.testing.assert_array_equal(picture, again)


def test_another_still_moves_otherwise() -> None:
    bright, dark = (np.full((HEIGHT, WIDTH, 3), level, np.uint8) for level in (140, 60))
    for pixels in (bright, dark):
        cv2.circle(pixels, (160, 120), 50, (255, 255, 255), -1)
    places = [cv2.phaseCorrelate(*shown(frame_of(each), 2))[0] for each in (bright, dark)]
    assert np.abs(np.subtract(*places)).max() > 1e-4


def test_it_is_enlarged_further_than_it_moves() -> None:
    """So nothing has to be made up at its edges."""
    (size, _), *places = MOTIONS
    assert (ENLARGED - size - 1) / 2 > max(share for share, _ in places)


def test_the_still_itself_is_never_written_to() -> None:
    frame = frame_of(textured(3, WIDTH, HEIGHT))
    before = frame.i420()
    shown(frame, 3)
    np.testing.assert_array_equal(frame.i420(), before)
