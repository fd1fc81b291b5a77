"""The recogniser: SFace, which tells people apart by their faces, through OpenCV.

Y. Zhong, W. Deng et al., "SFace: Sigmoid-constrained Hypersphere Loss for Robust Face Recognition",
IEEE TIP 2021; the OpenCV Zoo's file, packed.
"""

import lzma
from pathlib import Path

import cv2
import numpy as np

from lipsyncd.errors import CheckpointInvalid
from lipsyncd.face.align import similarity
from lipsyncd.face.face import Face
from lipsyncd.face.warp import crop_of, inverted
from lipsyncd.media.frame import Frame
from lipsyncd.model.weights import HINTS, RECOGNISER, Report, WeightsFile, read_weights

# Of the file that the threshold and the places below belong to.
SHA256 = "79ac56239f5ca639ce60dc1577af757e1948c484f79122aca8e5e2401c8dae68"
ALIKE = 0.363  # cosine from which on two faces are one person's: OpenCV's, measured on LFW
SIDE = 112  # pixels of the picture that it sees
# Where it wants the landmarks there (ArcFace's, as cv2.FaceRecognizerSF has them).
PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655]]
    + [[70.7299, 92.2041]]
)


class Recogniser:
    """One recogniser is for one thread: it holds the buffers of its network."""

    def __init__(self, file: WeightsFile) -> None:
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(lzma.decompress(file.content), np.uint8))

    def person(self, frame: Frame, face: Face) -> np.ndarray:
        """Whose face it is: (128,) float32 of length 1; the cosine of two says how alike they are.

        The face has landmarks.
        """
        matrix = inverted(similarity(face.points(), PLACES, np.ones(len(PLACES))))
        rgb = cv2.cvtColor(crop_of(frame, matrix, SIDE)[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
        self._net.setInput(cv2.dnn.blobFromImage(rgb), "data")
        vector = self._net.forward().ravel()
        return vector / np.linalg.norm(vector)


def load_recogniser(path: Path, report: Report) -> WeightsFile:
    """The recogniser's file.  None is made of it: that takes a second, and few renders want one.

    Raises CheckpointMissing, CheckpointInvalid, DiskFailed, HostExhausted.
    """
    file = read_weights(path, RECOGNISER, report)
    with file.believed(report):
        if file.sha256 != SHA256:
            raise CheckpointInvalid(f"{path} is not the known SFace.", HINTS[RECOGNISER])
    return file
