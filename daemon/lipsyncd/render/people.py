"""People: whose faces are on the pictures that came with a job, and how alike others are."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from lipsyncd.errors import NoFace
from lipsyncd.face.face import Face
from lipsyncd.face.track import Run
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import examine_source
from lipsyncd.media.spooled import Readable
from lipsyncd.render.models import Finder, Models

LOOKS = 5  # at each run: more tell hardly more
FRONTAL = 0.25  # Face.turn up to which a face is looked at


class People:
    """The people on the pictures, in their order.  It is for one thread."""

    def __init__(self, pictures: Sequence[Readable], models: Models) -> None:
        """Raises NoFace, and what reading a picture raises."""
        self._recogniser = models.new_recogniser()
        find = Finder(models)
        self._wanted = [self._on(picture, find) for picture in pictures]
        self._looks: dict[int, list[np.ndarray]] = defaultdict(list)

    def look(self, run: Run, frame: Frame, face: Face) -> None:
        """Note a face of a run in a frame."""
        looks = self._looks[id(run)]
        if len(looks) < LOOKS and face.has_landmarks and abs(face.turn) <= FRONTAL:
            looks.append(self._recogniser.person(frame, face))

    def likeness(self, run: Run, number: int) -> float:
        """How alike the face of a run is to that of a picture: their cosine, -1 without a look."""
        looks = self._looks[id(run)]
        if not looks:
            return -1.0
        person = np.sum(looks, axis=0)
        return float(person @ self._wanted[number] / np.linalg.norm(person))

    def _on(self, picture: Readable, find: Finder) -> np.ndarray:
        frame = next(examine_source(picture, "The picture").frames())
        faces = find.faces(frame)
        if not faces:
            raise NoFace(
                "No face was found in the picture of the person.",
                "Give one in which the face is seen from the front.",
            )
        return self._recogniser.person(frame, faces[0])
