"""Rest: which of many looks at a face shows its mouth most at rest.

A mouth at rest is closed, and shaped as it is in most of the others: pressed lips, a pout, a smirk
and a smile are closed, too.
"""

from dataclasses import dataclass

import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.face.lips import SHUT, Lips

# What each is worth, as one sum: openness; the distance of the lips' points from where they usually
# are, by the width of the face; how unlike the usual the lower face looks, by how unlike it is in
# most looks (a mesh does not see each smirk); the turn of the head from how it is usually held; how
# many times less sharp the picture is, as a logarithm.
OPEN, ODD, UNLIKE, TURNED, BLURRED = 10.0, 40.0, 0.5, 3.0, 0.5
# The turn by which a look at teeth is of no use, and the least of them that are.
ASIDE, SEEN = 0.15, 0.02


@dataclass(frozen=True)
class Mouth:
    """What a look at a mouth told.

    `shape`: (33, 2) float32, the outer and the inner edge of the upper lip about their middle, and
    how far the outer edge of the lower lip is from its inner one; by the width of the face, along
    the line of its eyes and down.  `cells`: (n, 3), the colours of the lower face.  `sharpness`: of
    the picture there, above 0.  `teeth`: how much of them is seen, about from 0 to 0.2.
    """

    openness: float
    shape: np.ndarray
    cells: np.ndarray
    turn: float
    sharpness: float
    teeth: float


def mouth_of(
    lips: Lips, face: Face, cells: np.ndarray, sharpness: float, teeth: float = 0.0
) -> Mouth:
    """A look at a mouth."""
    cos, sin = np.cos(face.roll), np.sin(face.roll)
    upright = np.array([[cos, -sin], [sin, cos]]) / face.box.width
    above = np.vstack([lips.top, lips.upper])
    shape = np.vstack([above - above.mean(axis=0), lips.bottom - lips.lower]) @ upright
    return Mouth(lips.openness, shape.astype(np.float32), cells, face.turn, sharpness, teeth)


def calmest(mouths: list[Mouth]) -> int:
    """The place of the one that is most at rest."""
    openness, turn, sharpness = (
        np.array([getattr(mouth, name) for mouth in mouths])
        for name in ("openness", "turn", "sharpness")
    )
    # what is usual those tell that are closed, however few; else the half that is less open
    closed = openness <= (SHUT if openness.min() <= SHUT else np.median(openness))
    odd = unlike(np.array([mouth.shape for mouth in mouths]), closed)
    strange = unlike(np.array([mouth.cells for mouth in mouths]), closed)
    strange /= max(float(np.median(strange)), 1.0)
    turned = np.abs(turn - np.median(turn)) + np.abs(turn) / 2
    cost = OPEN * openness + ODD * odd + UNLIKE * strange + TURNED * turned
    return int(np.argmin(cost - BLURRED * np.log(sharpness)))


def toothiest(mouths: list[Mouth], calm: Mouth) -> int | None:
    """The place of the one that shows teeth best, of a head that is turned as in a calm look; None
    if none does, or the calm one itself."""
    seen = [each.teeth * (1 - min(1, abs(each.turn - calm.turn) / ASIDE)) for each in mouths]
    best = int(np.argmax(seen))
    return best if seen[best] > max(SEEN, calm.teeth) else None


def unlike(values: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """(n,) how far each of (n, m, k) values is from what is usual where mouths are closed."""
    apart: np.ndarray = np.abs(values - np.median(values[closed], axis=0)).mean(axis=(1, 2))
    return apart
