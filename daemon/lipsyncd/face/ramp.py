"""Ramps: how far a value has come from one bound to the other."""

from typing import cast

import numpy as np


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on; the other way round where `low` is the higher one."""
    return float(ramped(cast(np.ndarray, np.float64(value)), low, high))


def ramped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The same of each of many values."""
    shares: np.ndarray = np.clip((values - low) / (high - low), 0, 1)
    return shares


def eased(share: np.ndarray) -> np.ndarray:
    """Shares, cut off at 0 and 1, without a corner at either."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)
