"""What a render asks of the models, wherever they are: in other processes, or in a test's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.media.frame import Frame
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.detector import Detector
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.model.weights import WeightsFile


@dataclass(frozen=True)
class Weights:
    """What a render looks at faces with, in memory."""

    detector: WeightsFile
    landmarker: WeightsFile


Find = Callable[[Frame], list[Face]]


class Models(Protocol):
    """A detector and a landmarker here, and a generator somewhere (model/residency.py has the
    shapes)."""

    batch: int
    conventions: Conventions

    def new_detector(self) -> Detector:
        """A face detector for one thread."""

    def new_landmarker(self) -> Landmarker:
        """A landmarker for one thread."""

    def mouths(
        self, crops: np.ndarray, windows: np.ndarray, lower: bool, references: np.ndarray
    ) -> np.ndarray:
        """The mouth of each crop as it hears its window."""


def finder_of(models: Models) -> Find:
    """For one thread: finds the faces in a frame, with boxes as the checkpoint wants its crops."""
    detector, conventions = models.new_detector(), models.conventions

    def find(frame: Frame) -> list[Face]:
        faces = detector.faces(frame)
        return [face.lowered(conventions.chin_share, conventions.chin_pixels) for face in faces]

    return find
