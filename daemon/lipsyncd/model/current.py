"""The current models, and their replacement between two batches on a reload."""

import numpy as np

from lipsyncd.model.checkpoint import Conventions
from lipsyncd.model.detector import Detector
from lipsyncd.model.residency import Models


class CurrentModels:
    """Holds the current models; `replace` is one assignment, so a batch sees the old or the new."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def replace(self, models: Models) -> None:
        self.models = models

    def for_job(self) -> "ModelsOfJob":
        return ModelsOfJob(self)


class ModelsOfJob:
    """The models as one job sees them.

    Its windows and boxes are made by the conventions it began with.  So it takes newer models for
    its next batch if they are fed in the same way, and else goes on with those it began with.
    """

    def __init__(self, current: CurrentModels) -> None:
        self._current = current
        self._first = current.models
        self.conventions: Conventions = self._first.conventions

    @property
    def batch(self) -> int:
        return self._now().batch

    def new_detector(self) -> Detector:
        return self._first.new_detector()

    def mouths(
        self,
        crops: np.ndarray,
        windows: np.ndarray,
        lower: bool,
        references: np.ndarray | None = None,
    ) -> np.ndarray:
        """As Models.mouths."""
        return self._now().mouths(crops, windows, lower, references)

    def _now(self) -> Models:
        current = self._current.models
        return current if current.conventions == self.conventions else self._first
