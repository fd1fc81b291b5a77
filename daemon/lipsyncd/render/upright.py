"""Upright: of the faces in a frame those that can be rendered, which are upright more or less."""

import av
import numpy as np

from lipsyncd.face.face import Face
from lipsyncd.face.track import Find
from lipsyncd.media.frame import Frame

MOST_ROLL = 0.8  # radians from upright: 46 degrees
SURER = 0.03  # of 1: the detector's score of a face that was upside down, when the frame is turned
CERTAIN = 0.8  # of 1: below it the detector sees faces in patterns as well
TRIES = 20  # looks in which it is asked both ways at most


class Upright:
    """Finds faces that are upright, more or less: no others can be rendered.

    The detector finds others as well, and takes an upside down one for an upright one: but it is
    surer of it when the frame is turned.  So it is asked both ways, until it has been sure once.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._is_sure = False
        self._asked = 0  # times both ways
        self.has_refused = False

    def faces(self, frame: Frame) -> list[Face]:
        """Those in a frame."""
        found = self._find(frame)
        upright = [face for face in found if abs(face.roll) <= MOST_ROLL]
        if not self._is_sure and self._asked < TRIES:
            self._asked += 1
            other = max(best_of(self._find(turned(frame, quarters))) for quarters in (1, 2, 3))
            if other > best_of(upright) + SURER:
                self.has_refused |= other >= CERTAIN
                return []
            self._is_sure = bool(upright)
        self.has_refused |= len(upright) < len(found)
        return upright


def best_of(faces: list[Face]) -> float:
    """How sure the detector is of a face at least; 0 without any."""
    return max((face.score for face in faces), default=0.0)


def turned(frame: Frame, quarters: int) -> Frame:
    """The frame turned by so many quarters."""
    pixels = np.rot90(frame.bgr(frame.width, frame.height), quarters)
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "bgr24")
    return Frame(frame.index, picture.reformat(format="yuv420p"))
