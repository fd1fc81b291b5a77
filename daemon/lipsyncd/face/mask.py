"""A mask: where in a crop something holds, and how much."""

import numpy as np

CROP = 96  # pixels: the side of a crop and of a mouth


def ellipse(centre: tuple[float, float], radii: tuple[float, float], core: float) -> np.ndarray:
    """(96, 96) float32: 1 within `core` of the radii, falling smoothly to 0 at them."""
    rows, columns = np.mgrid[:CROP, :CROP]
    distance = np.hypot((columns - centre[0]) / radii[0], (rows - centre[1]) / radii[1])
    share = np.clip((1 - distance) / (1 - core), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
