"""A box: the rectangle of a face in pixels, at sub-pixel places."""

from dataclasses import dataclass, replace

import numpy as np

from lipsyncd.face.ramp import eased

CROP = 96  # pixels: the side of a crop and of a mouth
HALF = CROP // 2  # row at which the lower half begins, which is what is made anew


def ellipse(centre: tuple[float, float], radii: tuple[float, float], core: float) -> np.ndarray:
    """(96, 96) float32: 1 within `core` of the radii, falling smoothly to 0 at them."""
    rows, columns = np.mgrid[:CROP, :CROP]
    distance = np.hypot((columns - centre[0]) / radii[0], (rows - centre[1]) / radii[1])
    return eased((1 - distance) / (1 - core)).astype(np.float32)


@dataclass(frozen=True)
class Box:
    """Half-open: `left` and `top` lie inside, `right` and `bottom` do not."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def middle(self) -> np.ndarray:
        """(2,) float64: x and y."""
        return np.array([self.left + self.right, self.top + self.bottom]) / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return self.left <= x < self.right and self.top <= y < self.bottom

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        common = Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        shared = common.area if common.width > 0 else 0.0
        return shared / (self.area + other.area - shared)

    def lowered(self, share: float, pixels: float) -> "Box":
        """The box with its bottom moved down, by a share of its height and by pixels."""
        return replace(self, bottom=self.bottom + share * self.height + pixels)

    def array(self) -> np.ndarray:
        """(4,) float64: left, top, right, bottom."""
        return np.array([self.left, self.top, self.right, self.bottom])
