"""Alignment: where exactly a known face is in another frame, to a small part of a pixel.

Landmarks tremble, and a mouth that trembles against its face is the first thing a viewer sees.  So
the upper face, which speech does not move, is registered by its own pixels: inverse compositional
Lucas-Kanade for a similarity (S. Baker, I. Matthews, "Lucas-Kanade 20 years on", IJCV 2004), with
the light's gain and bias, and Cauchy weights for what blinks.
"""

import cv2
import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.face.ramp import ramp
from lipsyncd.face.warp import chained, gather, inverted

SIDE = 48  # pixels of the template: half a crop's
HALVED = np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]])  # from its pixel centres to those of the crop
UPPER = np.s_[5:30, 5:43]  # of the template: from the brows to the nose, without the hair
CENTRE = (24.0, 17.5)
SOFT = 1.2  # pixels of the crop: detail that is finer only misleads
STEPS = 6
CLOSE = 0.01  # pixels of the template: less is no step
OUTLYING = 2.5 * 1.4826  # median deviations, as three standard ones nearly
STEADY = np.array([1.0, 1.0, 0.6])  # of eyes and nose: the corners of the mouth move with speech
LIKE, UNLIKE = 0.75, 0.5  # correlation from which on it is believed, and below which not at all


class Template:
    """The upper face of a crop."""

    def __init__(self, luma: np.ndarray, tall: float = 1.0) -> None:
        """`luma`: (96, 96) uint8.  `tall`: how much higher than wide a pixel of the crop is."""
        self._tall = tall
        small = halved(luma)
        rows, columns = np.mgrid[:SIDE, :SIDE]
        x, y = columns - CENTRE[0], rows - CENTRE[1]
        down, across = np.gradient(small)
        turn = down * x / tall - across * y * tall
        slopes = (across * x + down * y, turn, across, down)
        parts = [*slopes, small, np.ones_like(small)]  # the last two: of the light
        self._slopes = np.stack([part[UPPER].ravel() for part in parts], axis=1)
        self._wanted = small[UPPER].ravel()
        self._contrast = self._wanted - self._wanted.mean()

    def found(self, plane: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Where the face is in a luma plane, given about where: (2, 3); as given if it is not to
        be recognised, and between the two if it hardly is."""
        patch = cv2.GaussianBlur(gather(plane, place).astype(np.float32), (0, 0), SOFT)
        change, likeness = self._registered(patch)
        trust = ramp(likeness, UNLIKE, LIKE)
        return place + trust * (chained(place, change) - place)

    def _registered(self, patch: np.ndarray) -> tuple[np.ndarray, float]:
        """What has to be done to the crop's pixels to find the template's in the patch, (2, 3), and
        how alike they are then: their correlation."""
        change, likeness = np.eye(2, 3), 0.0
        for _ in range(STEPS):
            seen = seen_of(patch, change)
            gain = self._contrast @ seen / max(self._contrast @ self._contrast, 1e-6)
            left_over = np.abs(seen - seen.mean() - gain * self._contrast)
            scale = OUTLYING * np.median(left_over) + 1e-3
            weighted = self._slopes / (1 + (left_over / scale) ** 2)[:, None]
            system = weighted.T @ self._slopes + 1e-3 * np.eye(6)
            step = np.linalg.solve(system, weighted.T @ (seen - self._wanted))[:4]
            change = undone(change, step, self._tall)
            likeness = correlation(seen, self._wanted)
            if np.abs(step) @ (SIDE / 2, SIDE / 2, 1, 1) < CLOSE:
                break
        return change, likeness


def halved(luma: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), SOFT)
    return cv2.resize(soft, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def seen_of(patch: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The pixels of a changed patch that are held against the template's."""
    matrix, flags = chained(change, HALVED), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpAffine(
        patch, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return small[UPPER].ravel()


def undone(change: np.ndarray, step: np.ndarray, tall: float) -> np.ndarray:
    """The change after a step, which was found for the template and not for the patch."""
    scale, turn, x, y = step
    turned = np.array([[1 + scale, -turn * tall], [turn / tall, 1 + scale]])
    stepped = np.column_stack([turned, np.array([x, y]) + CENTRE - turned @ CENTRE])
    return chained(chained(change, HALVED), chained(inverted(stepped), inverted(HALVED)))


def correlation(values: np.ndarray, others: np.ndarray) -> float:
    """-1 to 1; 0 if either is flat."""
    a, b = values - values.mean(), others - others.mean()
    return float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-6))


def similarity(points: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix of rotation, scale and shift that carries points, (n, 2), to others with
    the least squares (S. Umeyama, PAMI 1991)."""
    weights = weights / weights.sum()
    middle, other = weights @ points, weights @ others
    from_, to = points - middle, others - other
    size = max(float(weights @ (from_**2).sum(axis=1)), 1e-9)
    along = float(weights @ (from_ * to).sum(axis=1)) / size
    across = float(weights @ (from_[:, 0] * to[:, 1] - from_[:, 1] * to[:, 0])) / size
    turned = np.array([[along, -across], [across, along]])
    return np.column_stack([turned, other - turned @ middle])


def carried(from_: Face, to: Face) -> np.ndarray:
    """About where a face has gone between two frames: a (2, 3) similarity."""
    if from_.has_landmarks and to.has_landmarks:
        return similarity(from_.points()[:3], to.points()[:3], STEADY)
    before, after = from_.box, to.box
    scale = (after.area / before.area) ** 0.5
    shift = after.middle - scale * before.middle
    return np.column_stack([scale * np.eye(2), shift])
