"""Faces: drawn by hand, which detectors take for real ones, and what is known of a face."""

import math

import cv2
import numpy as np

from lipsyncd.face.align import Template
from lipsyncd.face.box import CROP, Box
from lipsyncd.face.face import Face
from lipsyncd.face.neutral import NeutralFace, as_bgr
from lipsyncd.face.patch import patches_of
from lipsyncd.face.track import Seen, Track
from lipsyncd.face.warp import SUBSAMPLING, chained, crop_of, finer, in_plane, place_of, reduced
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame, picture_of, planes_of
from support.media.synthetic import frame_of

# Ovals at (across, down) with half a (width, height), in half widths of the face, and their
# colours: hair, skin, brows, eyes, pupils, nostrils, nose, mouth.
PARTS = (
    ((0, -0.25), (1.1, 1.3), (50, 35, 25)),
    ((0, 0.05), (0.92, 1.2), (215, 170, 145)),
    ((-0.38, -0.42), (0.24, 0.04), (60, 40, 30)),
    ((0.38, -0.42), (0.24, 0.04), (60, 40, 30)),
    ((-0.38, -0.2), (0.2, 0.1), (245, 240, 235)),
    ((0.38, -0.2), (0.2, 0.1), (245, 240, 235)),
    ((-0.38, -0.2), (0.09, 0.1), (50, 30, 20)),
    ((0.38, -0.2), (0.09, 0.1), (50, 30, 20)),
    ((-0.1, 0.3), (0.06, 0.04), (140, 95, 80)),
    ((0.1, 0.3), (0.06, 0.04), (140, 95, 80)),
    ((0, 0.15), (0.1, 0.2), (200, 150, 125)),
    ((0, 0.62), (0.36, 0.11), (165, 70, 75)),
    ((0, 0.62), (0.3, 0.02), (90, 30, 35)),
)
# The same way: the right eye, the left one, the nose, and the corners of the mouth.
LANDMARKS = ((-0.38, -0.2), (0.38, -0.2), (0, 0.25), (-0.33, 0.62), (0.33, 0.62))

STUDIO = Colour(matrix=6, primaries=6, transfer=6, swing=1)  # of frames that are made here
# A picture's size, and where in it faces are: small, large, and across its edges
WIDTH, HEIGHT = 320, 240
BOXES = [
    Box(100, 60, 196, 156),
    Box(81.3, 40.7, 211.9, 190.2),
    Box(130.5, 90.5, 170.1, 140.9),
    Box(20, 10, 300, 235),
    Box(-31.5, 20, 75.2, 140),
    Box(250, 120, 371, 290),
]


Rgb = tuple[int, int, int]
Drawn = tuple[float, float, float]  # a face: across, down, half a width


def drawn(
    width: int, height: int, faces: list[Drawn], gape: float = 0, inside: Rgb = (60, 20, 25)
) -> Frame:
    """A frame with faces, whose mouths are open by `gape` half widths of the face, and dark if
    nothing else is inside."""
    picture = np.full((height, width, 3), (150, 170, 160), np.uint8)
    gap = ((0, 0.62), (0.28, gape / 2), inside)
    for x, y, size in faces:
        for (across, down), radii, colour in (*PARTS, *[gap] * bool(gape)):
            centre = round(x + across * size), round(y + down * size)
            axes = [max(1, round(radius * size)) for radius in radii]
            cv2.ellipse(picture, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    return frame_of(cv2.GaussianBlur(picture, (0, 0), max(0.8, width / 600)))


def landmarks_of(face: Drawn) -> np.ndarray:
    """(5, 2): where they were drawn."""
    x, y, size = face
    return np.array([x, y]) + size * np.array(LANDMARKS)


def face_of(face: Drawn) -> Face:
    """A drawn one, as it should be detected."""
    x, y, size = face
    box = Box(x - 0.9 * size, y - 1.05 * size, x + 0.9 * size, y + 1.3 * size)
    return Face(box, tuple(landmarks_of(face).ravel().tolist()))


def moved(frame: Frame, face: Face, change: np.ndarray, gain: float = 1.0) -> tuple[Frame, Face]:
    """Both after the head has moved, as a (2, 3) similarity tells of the pixels, in another light:
    luma is `gain` times as bright."""
    samples = frame.i420()
    for plane, each in zip(planes_of(samples), SUBSAMPLING, strict=True):
        to_luma = np.array([[each, 0, each / 2 - 0.5], [0, each, each / 2 - 0.5]])
        warp = cv2.warpAffine(
            plane,
            in_plane(chained(change, to_luma), each),
            plane.shape[::-1],
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        cv2.convertScaleAbs(warp, dst=plane, alpha=gain if each == 1 else 1.0)
    points = face.points() @ change[:, :2].T + change[:, 2]
    middle = change @ [*(face.box.middle - 0.5), 1] + 0.5
    half = math.hypot(*change[:, 0]) * np.array([face.box.width, face.box.height]) / 2
    box = Box(*(middle - half).tolist(), *(middle + half).tolist())
    return Frame(frame.index, picture_of(samples, frame)), Face(box, tuple(points.ravel().tolist()))


def seen_as(face: Face, strength: float = 1.0) -> Seen:
    """A face in the only frame of its track."""
    return Seen(Track(0, face.row()[None], np.ones(1), 0), face, strength)


def neutral_in(frame: Frame, face: Face, colour: Colour = STUDIO, side: int = CROP) -> NeutralFace:
    """A face in its upright box, and a generator for so many pixels that makes of it what it is."""
    place = place_of(face.box)
    shown = crop_of(frame, chained(place, finer(side)), side)
    samples, crop = reduced(shown), as_bgr(shown, colour)
    patches, final = patches_of(frame.final, place), crop_of(frame.final, place)
    rest = reduced(crop[side // 2 :].astype(np.float32))
    template = Template(samples[..., 0])
    return NeutralFace(face, place, crop, samples, final, patches, rest, template)
