"""The serving batch: how many rows a pass for jobs has: what the memory is enough for.

It is halved when such a pass runs out of memory, and doubles again after a while without, since the
memory was perhaps another process's for a moment only.
"""

import numpy as np

PASSES = 500  # that have to fit before a larger one is tried, which costs some passes if it fails
AUTOMATIC = {"cpu": 8, "cuda": 64}  # by kind of device


class Batch:
    """`size` is read by all threads and changed by the one that makes the passes."""

    def __init__(self, most: int) -> None:
        """`most` is what the operator chose."""
        self.size = self._most = most
        self._fitted = 0  # passes since the size has changed

    def fitted(self) -> None:
        """There was memory enough for a pass."""
        self._fitted += 1
        if self.size < self._most and self._fitted >= PASSES:
            self.size = min(2 * self.size, self._most)
            self._fitted = 0

    def halve(self) -> None:
        """There was not."""
        self.size = max(1, self.size // 2)
        self._fitted = 0


def batch_of(chosen: int, device: str) -> int:
    """The configured batch; 0 means the one that suits a kind of device."""
    return chosen or AUTOMATIC[device]


def padded(values: np.ndarray, count: int) -> np.ndarray:
    """The values along the first axis, zeros behind them up to `count`."""
    if len(values) == count:
        return values
    rest = np.zeros((count - len(values), *values.shape[1:]), values.dtype)
    return np.concatenate([values, rest])
