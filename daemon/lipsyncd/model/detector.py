"""The detector: YuNet, which finds the faces in a picture, through OpenCV."""

from pathlib import Path

import cv2
import numpy as np

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.face.face import Face
from lipsyncd.media.frame import Frame
from lipsyncd.model.weights import DETECTOR, HINTS, Report, WeightsFile, proven

LONGEST_SIDE = 640  # pixels of the picture YuNet sees: enough for faces from 2 % of it on
CONFIDENCE = 0.6  # of 1: below it YuNet's boxes are often no faces
OVERLAP = 0.3  # boxes that share more are the same face


class Detector:
    """One detector is for one thread: it holds the buffers of its network."""

    def __init__(self, file: WeightsFile) -> None:
        """Raises CheckpointInvalid."""
        content = np.frombuffer(file.content, np.uint8)
        try:
            self._net = cv2.FaceDetectorYN.create(
                "onnx", content, np.empty(0, np.uint8), (320, 320), CONFIDENCE, OVERLAP
            )
        except cv2.error as error:
            raise CheckpointInvalid(
                f"{file.path} is not the YuNet face detector.", HINTS[DETECTOR]
            ) from error

    def faces(self, frame: Frame, longest: int = LONGEST_SIDE) -> list[Face]:
        """All faces in a frame, in its pixels, the largest first.

        `longest`: the longest side, in pixels, that the frame is looked at with; half of it takes
        a quarter of the time, and finds faces from twice the size on.
        """
        scale = min(1.0, longest / max(frame.width, frame.height))
        width, height = round(frame.width * scale), round(frame.height * scale)
        self._net.setInputSize((width, height))
        _, found = self._net.detect(frame.bgr(width, height))
        rows: np.ndarray
        rows = np.empty((0, 15)) if found is None else found[np.isfinite(found).all(axis=1)]
        rows, scores = rows[:, :14].astype(np.float64), rows[:, 14].tolist()
        rows[:, 2:4] += rows[:, :2]
        rows *= np.array([frame.width / width, frame.height / height] * 7)
        return sorted(map(Face.of, rows, scores), key=lambda face: -face.box.area)


def load_detector(path: Path, report: Report) -> WeightsFile:
    """A detector's file, of which one was made.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    return proven(path, DETECTOR, Detector, report)
