"""Colours: what tags say is believed, what they leave open is what players assume."""

import av
import numpy as np
import pytest
from support.media.synthetic import painted

from lipsyncd.media.colour import Colour, colour_of

MATRICES = {"601": 6, "709": 1, "2020": 9}
RGB = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)


@pytest.mark.parametrize("full", [False, True], ids=["renderer", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_the_matrices_are_those_of_the_standard(matrix: str, full: bool) -> None:
    """Against a picture painted by the formulas, within the rounding of 8 bits."""
    code = MATRICES[matrix]
    colour = Colour(code, code, code, 2 if full else 1)
    picture = painted(RGB, "yuv444p", matrix, full)
    yuv = np.moveaxis(picture.to_ndarray(), 0, -1).astype(float)
    ones = np.ones((16, 16, 1))
    bgr = np.concatenate([yuv, ones], axis=-1) @ colour.to_bgr.T
    np.testing.assert_allclose(bgr, RGB[..., ::-1], atol=2)
    back = np.concatenate([RGB[..., ::-1], ones], axis=-1) @ colour.from_bgr.T
    np.testing.assert_allclose(back, yuv, atol=0.51)


@pytest.mark.parametrize("swing", [1, 2])
@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9])
def test_there_and_back_is_nowhere(matrix: int, swing: int) -> None:
    colour = Colour(matrix, 1, 1, swing)
    there, back = (np.vstack([m, [0, 0, 0, 1]]) for m in (colour.to_bgr, colour.from_bgr))
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-9)


@pytest.mark.parametrize(("swing", "black", "white"), [(1, 16, 235), (2, 0, 255)])
def test_black_and_white_lie_at_the_ends_of_the_swing(swing: int, black: int, white: int) -> None:
    to_bgr = Colour(1, 1, 1, swing).to_bgr
    np.testing.assert_allclose(to_bgr @ [black, 128, 128, 1], 0, atol=1e-9)
    np.testing.assert_allclose(to_bgr @ [white, 128, 128, 1], 255, atol=1e-9)


def untagged(height: int) -> av.VideoFrame:
    return av.VideoFrame(64, height, "yuv420p")


@pytest.mark.parametrize(("height", "code"), [(480, 6), (576, 6), (720, 1), (2160, 1)])
def test_untagged_pictures_are_taken_as_players_do(height: int, code: int) -> None:
    assert colour_of(untagged(height)) == Colour(code, code, code, 1)


def test_tags_are_believed() -> None:
    picture = untagged(480)
    picture.colorspace, picture.color_primaries, picture.color_trc = 9, 9, 16
    picture.color_range = 2
    assert colour_of(picture) == Colour(9, 9, 16, 2)


@pytest.mark.parametrize("matrix", [0, 2, 8, 10, 14])
def test_a_matrix_that_is_unknown_is_never_passed_on(matrix: int) -> None:
    """RGB, unspecified, and those for which there is no plain matrix."""
    picture = untagged(480)
    picture.colorspace = matrix
    assert colour_of(picture).matrix == 6


def test_the_full_swing_of_old_formats_is_known_by_their_name() -> None:
    assert colour_of(av.VideoFrame(64, 64, "yuvj420p")).swing == 2
