"""The landmarker: MediaPipe's face mesh, which finds the lips of a face, through OpenCV."""

import math
from pathlib import Path

import cv2
import numpy as np

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.face.face import Face
from lipsyncd.face.lips import Lips
from lipsyncd.face.warp import crop_of
from lipsyncd.media.frame import Frame
from lipsyncd.model.weights import HINTS, LANDMARKER, Report, WeightsFile, proven

SIDE = 192  # pixels of the picture that the mesh sees
WIDER = 1.2  # than the box is high: so lips are found best with the boxes of YuNet
POINTS = 468
# Of the mesh's points, the edges of the lips from top to bottom, from the person's right corner to
# the left.
EDGES = (
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
)


class Landmarker:
    """One landmarker is for one thread: it holds the buffers of its network."""

    def __init__(self, file: WeightsFile) -> None:
        """Raises CheckpointInvalid."""
        try:
            self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(file.content, np.uint8))
            self._names = self._net.getUnconnectedOutLayersNames()
            self._points(np.zeros((SIDE, SIDE, 3), np.uint8))
        except (cv2.error, ValueError, StopIteration) as error:
            raise CheckpointInvalid(
                f"{file.path} is not the face mesh of MediaPipe.", HINTS[LANDMARKER]
            ) from error

    def lips(self, frame: Frame, face: Face) -> Lips:
        """A face's lips, in the frame's pixels.  Of what is no face come any points at all."""
        matrix = square_around(face)
        # the mesh was trained with colours of all cameras: which matrix they have is the same to it
        rgb = cv2.cvtColor(crop_of(frame, matrix, SIDE)[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
        points = self._points(rgb) @ matrix[:, :2].T + matrix[:, 2]
        return Lips(*(points[edge] for edge in EDGES))

    def _points(self, rgb: np.ndarray) -> np.ndarray:
        """(468, 2) float64, in pixels of the picture: (192, 192, 3) uint8."""
        self._net.setInput(cv2.dnn.blobFromImage(rgb, 1 / 255))
        made = self._net.forward(self._names)
        points = next(each for each in made if each.size == 3 * POINTS)
        return points.reshape(POINTS, 3)[:, :2].astype(np.float64)


def square_around(face: Face) -> np.ndarray:
    """The place of the mesh's picture: a square around the face, turned as it is inclined."""
    scale = WIDER * max(face.box.width, face.box.height) / SIDE
    cos, sin = scale * math.cos(face.roll), scale * math.sin(face.roll)
    turned = np.array([[cos, -sin], [sin, cos]])
    middle = face.box.middle - 0.5
    return np.column_stack([turned, middle - turned @ np.full(2, (SIDE - 1) / 2)])


def load_landmarker(path: Path, report: Report) -> WeightsFile:
    """A landmarker's file, of which one was made.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    return proven(path, LANDMARKER, Landmarker, report)
