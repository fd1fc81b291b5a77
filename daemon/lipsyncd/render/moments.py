"""The moments of a result that are worth a look, and what is to be seen in them."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from typing import NamedTuple

import cv2
import numpy as np

from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source
from lipsyncd.protocol.review import MOST_MOMENTS, Moment
from lipsyncd.render.plan import Plan
from lipsyncd.render.preview import pixels_of
from lipsyncd.render.scene import Scene

STRETCHES = 5  # of each of which one moment is shown
MOST_GAPS = 3  # of which one is shown
APART = 0.4  # seconds, at least, unless one of them is in a gap
AROUND = 1.6  # times as wide and high as the face is what is shown around it
WIDEST = 480  # pixels of what is shown
QUALITY = 85  # of a JPEG

OPEN, CLOSED = "Lips are most open", "Lips are most closed"
ANY = "A moment"


class Picked(NamedTuple):
    """A frame of the result, and why it is worth a look."""

    number: int
    why: str


def picked(plan: Plan, opening: Sequence[float | None], rate: Fraction) -> list[Picked]:
    """Where lips are most open in each stretch, where they are most closed, and what is left as it
    was; in their order, MOST_MOMENTS at most."""
    known = [number for number, value in enumerate(opening) if value is not None]
    stretches = filter(len, np.array_split(known, STRETCHES))

    def width(number: int) -> float:
        return opening[number] or 0.0

    widest = [int(max(stretch, key=width)) for stretch in stretches]
    found = [Picked(number, OPEN) for number in apart(widest, APART * rate)]
    found += [Picked(min(known, key=width), CLOSED)] if known else []
    gaps = sorted(plan.gaps, key=lambda gap: gap.length, reverse=True)[:MOST_GAPS]
    found += [Picked((gap.start + gap.stop) // 2, f"{gap.why}: left as it was") for gap in gaps]
    found = found or [
        Picked(number, ANY) for number in range(0, plan.frames, plan.frames // 3 or 1)
    ]
    by_number = {each.number: each for each in reversed(found)}
    return [by_number[number] for number in sorted(by_number)][:MOST_MOMENTS]


def apart(numbers: Sequence[int], least: float) -> Iterator[int]:
    """Without those that come too soon after another."""
    last = -math.inf
    for number in numbers:
        if number - last >= least:
            last = number
            yield number


def moments_of(
    source: Source, plan: Plan, chosen: Sequence[Picked], scene: Scene | None
) -> Iterator[Moment]:
    """The pictures of some frames of the result `source`, beside those of the scene that it was
    made of, if it is there."""
    for number, why in chosen:
        with closing(source.frames(number)) as frames:
            after = seen_in(next(frames), source.colour)
        before = None if scene is None else shown_before(scene, number, source)
        region = region_of(plan, number, after)
        yield Moment(
            at=float(number / source.rate),
            why=why,
            before=None if before is None else jpeg(before[region], source),
            after=jpeg(after[region], source),
        )


def shown_before(scene: Scene, number: int, source: Source) -> np.ndarray:
    """What was handed in, at a frame of the result: (height, width, 3) as this one has it."""
    same = min(round(number / source.rate * scene.source.rate), scene.total - 1)
    take = next(iter(scene.takes(range(same, same + 1))))
    pixels = seen_in(take.frame, scene.source.colour)
    return cv2.resize(pixels, (source.width, source.height))


def seen_in(frame: Frame, colour: Colour) -> np.ndarray:
    """(height, width, 3) uint8 BGR."""
    return pixels_of(frame.picture, colour)


def region_of(plan: Plan, number: int, pixels: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns around the largest face whose lips move; all of them without one."""
    height, width = pixels.shape[:2]
    boxes = [seen.face.box for seen in plan.seen(number)]
    if not boxes:
        return np.s_[:height, :width]
    box = max(boxes, key=lambda each: each.area)
    side = min(round(AROUND * max(box.width, box.height)), height, width)
    return stretch(box.middle[1], side, height), stretch(box.middle[0], side, width)


def stretch(middle: float, side: int, most: int) -> slice:
    """So much around the middle, but within what there is."""
    start = max(0, min(round(middle - side / 2), most - side))
    return slice(start, start + side)


def jpeg(pixels: np.ndarray, source: Source) -> bytes:
    """A picture as players show it, its pixels square, and no wider than WIDEST."""
    height, width = pixels.shape[0], pixels.shape[1] * float(source.aspect)
    scale = min(1.0, WIDEST / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, made = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return made.tobytes()
