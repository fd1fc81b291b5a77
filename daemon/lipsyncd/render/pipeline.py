"""The render: a face and a voice become a video whose lips follow the voice.  Read this file first.

Everything streams in one direction.  A take is one frame of the result with its face and the window
of sound heard with it; takes come in one by one, the generator sees a batch of them at a time, and
the pictures go out in the same order.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice

import av
import numpy as np

from lipsyncd.face.blend import Asked, Blend
from lipsyncd.face.reference import BoxBlend
from lipsyncd.face.soft import SoftBlend
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.media.frame import Frame
from lipsyncd.media.kept import NOTHING, kept_of
from lipsyncd.media.limits import held
from lipsyncd.media.output import output_of
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.models import Models
from lipsyncd.render.neutrals import Neutrals
from lipsyncd.render.prefetch import prefetch
from lipsyncd.render.scene import Files, Settings, Take, staged


@dataclass(frozen=True)
class Dubbed:
    """The pictures of a batch, and in how many of them there was a face."""

    pictures: list[av.VideoFrame]
    faces: int


def render(
    options: Options, files: Files, models: Models, settings: Settings
) -> Generator[Progress, None, None]:
    """Write the result of a job, a batch at a time; each yield is the progress.

    Raises InputError, InvalidRequest, DiskFull, DeviceLost, DeviceMemoryFull.
    """
    output, faces = output_of(options, settings.crf, settings.preset), 0
    with ExitStack() as threads:
        scene = yield from staged(options, files, models, settings, threads)
        source, voices = scene.source, scene.voices
        kept = kept_of(source, output, scene.total / source.rate) if options.keep else NOTHING
        notes = (*scene.notes, *kept.notes)
        depth = held(source.width, source.height, models.batch)
        with (
            prefetch(scene.takes, depth) as coming,
            prefetch(dub(coming, blend_of(options, source, models), models), depth=1) as dubbed,
            new_result(
                files.result, source, voices, output, kept, is_cut=options.extend == "cut"
            ) as result,
        ):
            for batch in dubbed:
                for picture in batch.pictures:
                    result.write(picture)
                    files.moved()
                faces += batch.faces
                yield Progress(result.frames, scene.total, faces, notes)


def blend_of(options: Options, source: Source, models: Models) -> Blend:
    """The way in which mouths come into the frames."""
    if options.blend == "box":
        return BoxBlend(source.colour, models.conventions.side)
    neutrals = Neutrals(source, models)
    if options.blend == "soft":
        return SoftBlend(source.colour, neutrals.of)
    return TransferBlend(source.colour, neutrals.of, options.expression)


def dub(takes: Iterator[Take], blend: Blend, models: Models) -> Iterator[Dubbed]:
    """Give each face its new mouth, a batch at a time."""
    for first in takes:
        most = held(first.frame.width, first.frame.height, models.batch)
        batch = [first, *islice(takes, most - 1)]
        asked, changes = asked_of(batch, blend), models.changes
        windows = [take.windows[seen.track.voice] for take in batch for seen in take.seen]
        mouths = iter(answered(list(chain.from_iterable(asked)), windows, blend, models))
        if models.changes != changes:  # the mouths are of others: so must be what they began at
            asked = asked_of(batch, blend)
        pictures = [
            picture_of(take.frame, each, mouths, blend)
            for take, each in zip(batch, asked, strict=True)
        ]
        yield Dubbed(pictures, sum(map(bool, asked)))


def asked_of(batch: list[Take], blend: Blend) -> list[list[Asked]]:
    """What is asked for each face of each take."""
    return [[blend.ask(take.frame, seen) for seen in take.seen] for take in batch]


def answered(
    asked: list[Asked], windows: list[np.ndarray], blend: Blend, models: Models
) -> Iterable[np.ndarray]:
    """What the generator makes of what it was asked, and of the window that goes with each."""
    if not asked:
        return ()
    crops = np.stack([each.crop for each in asked])
    references = np.stack([each.reference for each in asked])
    return models.mouths(crops, np.stack(windows), blend.lower, references)


def picture_of(
    frame: Frame, asked: list[Asked], mouths: Iterator[np.ndarray], blend: Blend
) -> av.VideoFrame:
    """The frame's picture with the next mouths; without a face it passes through untouched."""
    if not asked:
        return frame.picture
    canvas = blend.canvas(frame)
    for each in asked:
        blend.paste(canvas, frame, each, next(mouths))
    return blend.picture(canvas, frame)
