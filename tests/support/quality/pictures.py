"""What is measured of pictures: each compares a result with the source's frames that it was made
of.  A result that changes nothing has 1 in all of them, if it is not encoded with losses.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from lipsyncd.face.box import CROP, HALF
from lipsyncd.face.lips import Lips
from lipsyncd.face.motion import MASK
from lipsyncd.face.warp import from_pixel, gather, in_plane, place_of, spread, touched
from support.quality.footage import Footage

AROUND = 0.75, 0.45  # the mouth: half the width and half the height that is looked at, by its width
EDGES = 0.12  # of the mouth's width: the edges of its opening
# Where the mask of the transfer blend ends, and, broader, the skin around the mouth.
SEAM = ((MASK >= 0.05) & (MASK <= 0.35)).astype(np.float32)
SKIN = ((MASK >= 0.05) & (MASK <= 0.95)).astype(np.float32)

Measure = Callable[[Footage, int], float]  # of one frame


def sharpness(source: Footage, result: Footage) -> float:
    """The variance of the Laplacian at the mouth, by the source's.

    A mouth that is closed in the one and shows teeth in the other differs by that, too: it
    compares ways to render one face.
    """
    regions = [mouth_of(footage_lips) for footage_lips in source.lips]
    return median_ratio(source, result, lambda footage, at: detail(footage, at, regions[at]))


def detail(footage: Footage, number: int, region: tuple[slice, slice]) -> float:
    luma = footage.frames[number].planes()[0][region]
    return float(cv2.Laplacian(luma, cv2.CV_32F).var()) if luma.size else 0.0


def skin(source: Footage, result: Footage) -> float:
    """The same without what is between the lips, in either: of lips, skin and beard alone, of which
    no smile has more than a closed mouth."""
    regions = [mouth_of(lips) for lips in source.lips]
    inside = [
        opening(source, at, result.lips[at])[regions[at]] == 0 for at in range(len(result.lips))
    ]

    def measure(footage: Footage, at: int) -> float:
        luma = footage.frames[at].planes()[0][regions[at]]
        found = cv2.Laplacian(luma, cv2.CV_32F)[inside[at]] if luma.size else luma
        return float(found.var()) if found.size else 0.0

    return median_ratio(source, result, measure)


def opening(footage: Footage, number: int, other: Lips) -> np.ndarray:
    """(height, width) uint8: 1 between the lips in a frame, or others, and at their edges."""
    mask = np.zeros(footage.frames[number].planes()[0].shape, np.uint8)
    for lips in (footage.lips[number], other):
        outline = np.vstack([lips.upper, lips.lower[::-1]]).round().astype(np.int32)
        width = max(1, round(EDGES * float(np.ptp(lips.upper[:, 0]))))
        cv2.fillPoly(mask, [outline], 1)
        cv2.polylines(mask, [outline], True, 1, width)
    return mask


def mouth_of(lips: Lips) -> tuple[slice, slice]:
    """Rows and columns around the lips."""
    points = np.vstack([lips.upper, lips.lower])
    middle, width = points.mean(axis=0), np.ptp(points[:, 0])
    (left, top), (right, bottom) = (middle + sign * width * np.array(AROUND) for sign in (-1, 1))
    return slice(max(0, int(top)), max(0, int(bottom))), slice(
        max(0, int(left)), max(0, int(right))
    )


def seam(source: Footage, result: Footage) -> float:
    """The energy of luma's gradient where the mask ends, by the source's: an edge that is drawn
    there adds to it."""
    return median_ratio(source, result, edges)


def edges(footage: Footage, number: int) -> float:
    plane = footage.frames[number].planes()[0]
    matrix = from_pixel(in_plane(place_of(footage.faces[number].box), 1), 0, HALF)
    region = touched(plane, matrix, (CROP, HALF))
    samples, weights = plane[region], spread(SEAM, matrix, region, cv2.INTER_LINEAR)
    across, down = (cv2.Sobel(samples, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    return float(np.average(across**2 + down**2, weights=weights)) if weights.any() else 0.0


def flicker(source: Footage, result: Footage) -> float:
    """What the skin around the mouth does from one frame to the next but does not keep up, by the
    source's: |I[t] - (I[t - 1] + I[t + 1]) / 2|, the face held still over the three.  A picture
    has none to compare with."""
    if source.is_still:
        return float("nan")
    shown = [at for at in range(1, len(result) - 1) if result.shown[at - 1 : at + 2].all()]
    was, made = (sum(tremble(footage, at) for at in shown) for footage in (source, result))
    return made / was if was else float("nan")


def tremble(footage: Footage, number: int) -> float:
    matrix = from_pixel(in_plane(place_of(footage.faces[number].box), 1), 0, HALF)
    before, here, after = (
        gather(footage.frames[at].planes()[0], matrix, (CROP, HALF)).astype(np.float32)
        for at in (number - 1, number, number + 1)
    )
    return float(np.average(np.abs(here - (before + after) / 2), weights=SKIN))


def median_ratio(source: Footage, result: Footage, measure: Measure) -> float:
    """Over the frames that show a face: the measure of the result, by that of the source."""
    ratios = list(ratios_of(source, result, measure))
    return float(np.median(ratios)) if ratios else float("nan")


def ratios_of(source: Footage, result: Footage, measure: Measure) -> Iterator[float]:
    for number in np.flatnonzero(result.shown):
        was = measure(source, number)
        if was > 0:
            yield measure(result, number) / was
