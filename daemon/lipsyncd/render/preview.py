"""The preview: some frames of a result, side by side, as they are before they are encoded.

They come out of the same pipeline as the render's, so each is the one that it would write.
"""

import math
from collections.abc import Generator
from fractions import Fraction
from itertools import chain

import av
import cv2
import numpy as np

from lipsyncd.errors import InvalidRequest, NoFace
from lipsyncd.face.neutral import as_bgr
from lipsyncd.media.colour import Colour
from lipsyncd.media.frame import planes_in
from lipsyncd.media.look import Finisher
from lipsyncd.media.source import Source
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.dub import batched, blend_of, dub
from lipsyncd.render.looking import Need
from lipsyncd.render.models import Models
from lipsyncd.render.plan import Planner
from lipsyncd.render.scene import Files, Settings, key_of, staged
from lipsyncd.render.work import Work

WIDEST = 4096  # pixels of a strip: several frames are made smaller until they fit


def preview(
    options: Options, files: Files, models: Models, settings: Settings, *, at: float, count: int
) -> Generator[Progress, None, None]:
    """Write a PNG of `count` frames, evenly spread over the result from `at` seconds on.

    Raises what a render raises, and InvalidRequest if the result ends before `at`.
    """
    work = Work(files.work, key_of(options, models, settings))
    until = exact(at) if count == 1 else None

    def enough(planner: Planner) -> bool:
        return until is not None and is_settled(planner, options, until * planner.rate)

    need = Need(until, enough)
    scene = yield from staged(work, files, options, models, settings, need=need)
    numbers = numbers_of(at, count, scene.total, scene.source.rate)
    takes = chain.from_iterable(scene.takes(range(each, each + 1)) for each in numbers)
    pictures: list[np.ndarray] = []
    finisher = Finisher(scene.source.look)
    for _, picture in dub(batched(takes, scene, models), blend_of(scene, models), models):
        pictures.append(shown(finisher.viewed(picture), scene.source, len(numbers)))
        yield Progress(len(pictures), len(numbers), 0)
    _, png = cv2.imencode(".png", np.hstack(pictures))
    files.result.write(png.tobytes())


def exact(seconds: float) -> Fraction:
    """As they were typed."""
    return Fraction(seconds).limit_denominator(1_000_000)


def is_settled(planner: Planner, options: Options, number: Fraction) -> bool:
    """Whether what comes later changes nothing of a frame: its shot is over, and what is asked for
    is in what was seen."""
    of_all = options.min_coverage or options.max_gap is not None or "," in options.who
    if of_all or options.extend in ("cut", "silence") or not any(x > number for x in planner.cuts):
        return False
    try:
        return bool(planner.spoken())
    except NoFace:
        return False


def numbers_of(at: float, count: int, total: int, rate: Fraction) -> list[int]:
    """The frames of a result of `total`; fewer than `count` if there are no more."""
    first = math.floor(exact(at) * rate)
    if first >= total:
        raise InvalidRequest(
            f"The result lasts {float(total / rate):.1f} s, and has no frame at {at:g} s.",
            "Name an earlier time.",
        )
    return sorted({first + step * (total - first) // count for step in range(count)})


def shown(picture: av.VideoFrame, source: Source, count: int) -> np.ndarray:
    """One of `count` pictures as players show it, its pixels square: (height, width, 3) uint8."""
    pixels = pixels_of(picture, source.colour)
    width, height = round(picture.width * source.aspect), picture.height
    smaller = min(1.0, WIDEST / (count * width)) if count > 1 else 1.0
    size = max(1, int(width * smaller)), max(1, round(height * smaller))
    if size == (picture.width, picture.height):
        return pixels
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def pixels_of(picture: av.VideoFrame, colour: Colour) -> np.ndarray:
    """(height, width, 3) uint8 BGR of a picture in YUV 4:2:0."""
    luma, *chroma = planes_in(picture)
    full = (cv2.resize(each, luma.shape[::-1], interpolation=cv2.INTER_LINEAR) for each in chroma)
    return as_bgr(np.dstack([luma, *full]), colour)
