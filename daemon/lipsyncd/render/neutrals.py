"""Neutral faces, as a render comes to need them, each fetched from the source."""

import math
from collections import OrderedDict
from dataclasses import replace

import cv2
import numpy as np

from lipsyncd.face.align import Template
from lipsyncd.face.box import CROP
from lipsyncd.face.face import Face
from lipsyncd.face.lips import FINE, Lips
from lipsyncd.face.neutral import FINER, NeutralFace, as_bgr, closed, opened
from lipsyncd.face.patch import patches_of
from lipsyncd.face.teeth import Teeth, teeth_in
from lipsyncd.face.track import MOST_FACES, SAME_FACE, Find, Track
from lipsyncd.face.warp import SUBSAMPLING, chained, crop_of, finer, in_plane, place_of, reduced
from lipsyncd.media.frame import Frame, picture_of, planes_of
from lipsyncd.media.mel import BANDS, SILENT, WINDOW
from lipsyncd.media.source import Source
from lipsyncd.render.models import Finder, Models

KEPT = 2 * MOST_FACES  # neutral faces at a time: a render goes through the shots in their order
UPRIGHT = 0.1  # radians of roll that a checkpoint was trained to bear
SILENCE = np.full((1, BANDS, WINDOW), SILENT, np.float32)


class Neutrals:
    """The neutral faces of a source's tracks.  It is for one thread."""

    def __init__(self, source: Source, models: Models) -> None:
        self._source = source
        self._models = models
        self._find = Finder(models).faces
        self._landmarker = models.landmarker
        self._changes = models.changes
        self._kept: OrderedDict[int, NeutralFace] = OrderedDict()

    def of(self, track: Track) -> NeutralFace:
        """The neutral face of a track, at rest as the models have it that are there now.

        Raises what reading the source raises.
        """
        if self._changes != self._models.changes:
            self._kept.clear()
            self._changes = self._models.changes
        if id(track) not in self._kept:
            self._kept[id(track)] = self._made(track)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[id(track)]

    def _made(self, track: Track) -> NeutralFace:
        frame, face = next(self._source.frames(track.neutral)), track.face(track.neutral)
        near = same_face(face, self._find(frame))
        place = upright(frame, near, self._find)
        lips = opened(frame, place, self._landmarker.lips(frame, near))
        teeth = self._teeth(frame, place, lips)
        frame = closed(frame, place, lips) if lips else frame
        side = self._models.conventions.side
        shown = crop_of(frame, chained(place, finer(side)), side)
        samples, crop = reduced(shown), as_bgr(shown, self._source.colour)
        (rest,) = self._models.mouths(crop[None], SILENCE, True, crop[None])
        final = reduced(crop_of(frame.final, chained(place, finer(side)), side))
        patches = patches_of(frame.final, place)
        template = Template(samples[..., 0], tall_of(place))
        rest = reduced(rest)
        neutral = NeutralFace(face, place, crop, samples, final, patches, rest, template, teeth)
        return neutral if track.teeth is None else self._toothed(neutral, track, track.teeth)

    def _toothed(self, neutral: NeutralFace, track: Track, index: int) -> NeutralFace:
        """The neutral face with the teeth that its track shows in a frame, if they are found."""
        frame, face = next(self._source.frames(index)), track.face(index)
        place = neutral.found(frame, face)
        lips = self._landmarker.lips(frame, same_face(face, self._find(frame)))
        teeth = self._teeth(frame, place, opened(frame, place, lips))
        return replace(neutral, teeth=teeth or neutral.teeth)

    def _teeth(self, frame: Frame, place: np.ndarray, lips: Lips | None) -> Teeth | None:
        """Those between exact lips in the crop at a place, if these are open."""
        if lips is None:
            return None
        fine = crop_of(frame, chained(place, FINER), CROP * FINE)
        return teeth_in(frame.final, place, as_bgr(fine, self._source.colour), lips)


def tall_of(place: np.ndarray) -> float:
    """How much higher than wide a pixel of the crop at a place is."""
    return math.hypot(*place[:, 1]) / math.hypot(*place[:, 0])


def upright(frame: Frame, face: Face, find: Find) -> np.ndarray:
    """The place of the crop of a face, turned as the head is inclined: checkpoints know upright
    ones only.  The box of an inclined face is too wide, so it is looked for once more, upright."""
    if abs(face.roll) < UPRIGHT:
        return place_of(face.box)
    (x, y), (cos, sin) = face.box.middle - 0.5, (math.cos(face.roll), math.sin(face.roll))
    turned = np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])
    return chained(turned, place_of(same_face(face, find(rotated(frame, turned))).box))


def same_face(face: Face, found: list[Face]) -> Face:
    """The face as it was found at a closer look, if it was."""
    best = max(found, key=lambda each: each.box.overlap(face.box), default=face)
    return best if best.box.overlap(face.box) > SAME_FACE else face


def rotated(frame: Frame, matrix: np.ndarray) -> Frame:
    """The frame as it is seen through a matrix, which leads from its new pixels to the old ones."""
    samples = frame.i420()
    for plane, each in zip(planes_of(samples), SUBSAMPLING, strict=True):
        inner = np.array([[each, 0, each / 2 - 0.5], [0, each, each / 2 - 0.5]])
        plane[:] = cv2.warpAffine(
            plane,
            in_plane(chained(matrix, inner), each),
            plane.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return Frame(frame.index, picture_of(samples, frame))
