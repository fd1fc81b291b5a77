"""Light: how a face in one frame differs in brightness and colour from itself in another.

It is told by the skin around the mouth, broadly, and carried over to where the mouth is, as
seamless cloning does it (P. Perez, M. Gangnet, A. Blake, "Poisson Image Editing", SIGGRAPH 2003).
"""

from typing import Any

import cv2
import numpy as np

from lipsyncd.face.box import CROP, ellipse

SIDE = 24  # pixels at which the difference is spread: it is broad
MOST = 40.0  # of 255: a larger difference is something else than light
ODD = 12.0  # of 255, in all channels: skin that differs so much from the rest is a fold, or a hand
REACHES = ((1.5, 1.0), (3.5, 0.1), (10.0, 0.01))  # pixels of SIDE, and how much it counts


def skin_around(mask: np.ndarray) -> np.ndarray:
    """Where the light is told, (96, 96): the face around a mask, the cheeks above all."""
    skin = ellipse(centre=(47.5, 66), radii=(46, 40), core=0.8) * (1 - np.minimum(1, 1.5 * mask))
    skin[:40] *= 0.3
    skin[88:] = 0  # there is the neck
    return skin


def light_between(
    seen: np.ndarray, known: np.ndarray, skin: np.ndarray, unit: int = 1
) -> np.ndarray:
    """What to add to a known crop to light it as the seen one: (96, 96, 3) float32, smooth.

    Both are (96, 96, 3) of any colours, with so many levels (`unit`) for one of 8 bits; `skin`,
    (96, 96), says where they are compared.
    """
    difference = np.clip(seen.astype(np.float32) - known, -MOST * unit, MOST * unit)
    usual = np.median(difference[skin > 0.5], axis=0)
    weight = skin / (1 + (np.abs(difference - usual).sum(axis=2) / (ODD * unit)) ** 2)
    stack = np.dstack([difference * weight[..., None], weight])
    small = cv2.resize(stack, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    broad: Any = sum(count * cv2.GaussianBlur(small, (0, 0), reach) for reach, count in REACHES)
    light = broad[..., :3] / (broad[..., 3:] + 1e-6)
    return cv2.resize(light, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
