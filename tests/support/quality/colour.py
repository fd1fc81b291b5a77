"""Colour: how far lips and chin are from their own colours, wherever they move."""

from itertools import chain, product

import cv2
import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from lipsyncd.face.lips import Lips
from lipsyncd.face.warp import SUBSAMPLING
from support.quality.footage import Footage

# From the inner edges of the lips, outwards, by the mouth's width: onto the lips, and the chin.
LIPS_ABOVE, LIPS_BELOW, CHIN = (0.07,), (0.09,), (0.3, 0.4, 0.5)
COLUMNS = slice(2, 9)  # of the eleven points of an edge: without the corners
SOFT = 0.03  # of the mouth's width: broader than any pore
LEVEL = 60.0  # the lightness at which tints are compared
EXTREME = 8  # frames of a clip in which the mouth is open most, and least


def colour(source: Footage, result: Footage) -> tuple[float, float]:
    """The difference of lips and chin from the source's, CIEDE2000, and of their tint: the same
    at equal lightness.  Of the frames the median.

    Colours are compared in the same frame, so in the same light, and at the same skin: the places
    lie at distances from each picture's own lips' inner edges, so never inside the mouth, and no
    frame is needed in which it is closed.  Lips roll and a chin is shaded as it moves, so a real
    face differs from itself as well: `own_colour` says by how much.
    """
    shown = np.flatnonzero(result.shown)
    return median([apart(tones(source, at), tones(result, at)) for at in shown])


def own_colour(footage: Footage) -> tuple[float, float]:
    """The same of one clip between its most open mouths and its most closed ones."""
    shown = np.flatnonzero(footage.shown)
    order = shown[np.argsort(footage.openness[shown])]
    ends = order[:EXTREME], order[-EXTREME:]
    closed, opened = ([tones(footage, at) for at in part] for part in ends)
    return median([apart(*pair) for pair in product(closed, opened)])


def median(values: list[tuple[float, float]]) -> tuple[float, float]:
    if not values:
        return float("nan"), float("nan")
    both, tint = np.median(values, axis=0)
    return float(both), float(tint)


def apart(tones: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """The mean over lips and chin of their differences, and of those of their tints."""
    tints = (each * (0, 1, 1) + (LEVEL, 0, 0) for each in (tones, others))
    return (
        float(deltaE_ciede2000(tones, others).mean()),
        float(deltaE_ciede2000(*tints).mean()),
    )


def tones(footage: Footage, number: int) -> np.ndarray:
    """(2, 3): the mean CIELAB of the lips in a frame, and of the chin."""
    lips, frame = footage.lips[number], footage.frames[number]
    width = max(4.0, float(np.hypot(*(lips.upper[-1] - lips.upper[0]))))
    regions = places_of(lips, width)
    places, samples = np.vstack(regions), []
    for plane, each in zip(frame.planes(), SUBSAMPLING, strict=True):
        samples.append(taken(plane, (places + 0.5) / each - 0.5, SOFT * width / each))
    bgr = np.column_stack([*samples, np.ones(len(places))]) @ footage.colour.to_bgr.T
    lab = rgb2lab(np.clip(bgr[:, ::-1] / 255, 0, 1))
    return np.array([part.mean(axis=0) for part in np.split(lab, [len(regions[0])])])


def places_of(lips: Lips, width: float) -> tuple[np.ndarray, np.ndarray]:
    """On the lips and on the chin, (n, 2) each, in the frame's pixels."""
    across = (lips.upper[-1] - lips.upper[0]) / width
    down = width * np.array([-across[1], across[0]])
    above = (lips.upper[COLUMNS] - reach * down for reach in LIPS_ABOVE)
    below = (lips.lower[COLUMNS] + reach * down for reach in LIPS_BELOW)
    chin = (lips.lower[COLUMNS] + reach * down for reach in CHIN)
    return np.vstack(list(chain(above, below))), np.vstack(list(chin))


def taken(plane: np.ndarray, places: np.ndarray, soft: float) -> np.ndarray:
    """The plane's samples at some places, each with its neighbourhood."""
    x, y = places.astype(np.float32).T
    soft_plane = cv2.GaussianBlur(plane, (0, 0), max(soft, 0.3))
    found = cv2.remap(soft_plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.ravel().astype(np.float64)
