"""What a render asks of the models, wherever they are: in other processes, or in a test's own."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.media.frame import Frame
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.detector import LONGEST_SIDE, Detector
from lipsyncd.model.expert import Expert
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.model.recogniser import Recogniser
from lipsyncd.model.weights import WeightsFile


@dataclass(frozen=True)
class Weights:
    """What a render looks at faces with, in memory."""

    detector: WeightsFile
    landmarker: WeightsFile
    recogniser: WeightsFile
    expert: WeightsFile


QUICK_SIDE = LONGEST_SIDE // 2
LARGE = 0.1  # of the frame's longest side: how wide a face is that is found at a quick look


class Models(Protocol):
    """A detector, a landmarker and a recogniser here, and a generator somewhere
    (model/residency.py has the shapes)."""

    @property
    def batch(self) -> int:
        """How many crops go to the device at once."""

    conventions: Conventions
    fingerprint: str  # others make other pictures, or see other faces
    changes: int  # how often others have taken over, perhaps with other weights

    def new_detector(self) -> Detector:
        """A face detector for one thread."""

    @property
    def landmarker(self) -> Landmarker:
        """The landmarker, for one thread at a time: of the plan, then of what is made by it."""

    def new_recogniser(self) -> Recogniser:
        """A recogniser for one thread."""

    def new_expert(self) -> Expert:
        """A sync expert."""

    def mouths(
        self, crops: np.ndarray, windows: np.ndarray, lower: bool, references: np.ndarray
    ) -> np.ndarray:
        """The mouth of each crop as it hears its window."""


class Finder:
    """Finds the faces in a frame, with boxes as the checkpoint wants its crops.  For one thread."""

    def __init__(self, models: Models, is_quick: bool = False) -> None:
        """`is_quick`: where all faces are large it looks less closely."""
        self._detector = models.new_detector()
        self._conventions = models.conventions
        self._is_quick = is_quick

    def faces(self, frame: Frame) -> list[Face]:
        """Those in a frame, the largest first."""
        found = self._detector.faces(frame, QUICK_SIDE) if self._is_quick else []
        large = LARGE * max(frame.width, frame.height)
        if not found or any(face.box.width < large for face in found):
            found = self._detector.faces(frame)
        share, pixels = self._conventions.chin_share, self._conventions.chin_pixels
        return [face.lowered(share, pixels) for face in found]
