"""Dubbing: takes come in, a batch at a time is shown to the generator, pictures go out one by one.

A batch has no more than one part's takes, so a part has the same batches whoever makes it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import av
import numpy as np

from lipsyncd.face.blend import Asked, Blend
from lipsyncd.face.reference import BoxBlend
from lipsyncd.face.soft import SoftBlend
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.media.frame import Frame
from lipsyncd.media.limits import held
from lipsyncd.render.models import Models
from lipsyncd.render.neutrals import Neutrals
from lipsyncd.render.prefetch import prefetch
from lipsyncd.render.scene import Scene, Take


class Answered(NamedTuple):
    """Some takes of a part, what was asked for the faces of each, and the generator's answers."""

    takes: list[Take]
    asked: list[list[Asked]]
    mouths: Iterable[np.ndarray]


class Made(NamedTuple):
    """A picture, and its number in the result."""

    number: int
    picture: av.VideoFrame


@contextmanager
def dubbed(scene: Scene, frames: Iterable[range], models: Models) -> Iterator[Iterator[Made]]:
    """The pictures of some frames; while some are made, the next are with the generator, and the
    takes of those after them come in."""
    blend, depth = blend_of(scene, models), held(scene.source.frame_bytes, models.batch)
    takes = chain.from_iterable(map(scene.takes, frames))
    with (
        prefetch(takes, depth) as fetched,
        prefetch(answered(batched(fetched, scene, models), blend, models), 1) as answers,
        prefetch(pasted(answers, blend), depth) as made,
    ):
        yield made


def batched(takes: Iterator[Take], scene: Scene, models: Models) -> Iterator[list[Take]]:
    """Takes as many at a time as the generator sees, none beyond the end of a part."""
    ends, batch = {part.stop for part in scene.parts}, []
    for take in takes:
        batch.append(take)
        most = held(scene.source.frame_bytes, models.batch)
        if len(batch) >= most or take.number + 1 in ends:
            yield batch
            batch = []
    if batch:
        yield batch


def dub(batches: Iterable[list[Take]], blend: Blend, models: Models) -> Iterator[Made]:
    """Give each face its new mouth."""
    return pasted(answered(batches, blend, models), blend)


def answered(batches: Iterable[list[Take]], blend: Blend, models: Models) -> Iterator[Answered]:
    """Ask the generator for the mouths of each batch."""
    for batch in batches:
        asked, changes = asked_of(batch, blend), models.changes
        windows = [take.windows[seen.track.voice] for take in batch for seen in take.seen]
        mouths = mouths_of(list(chain.from_iterable(asked)), windows, blend, models)
        if models.changes != changes:  # the mouths are of others: so must be what they began at
            asked = asked_of(batch, blend)
        yield Answered(batch, asked, mouths)


def pasted(answers: Iterable[Answered], blend: Blend) -> Iterator[Made]:
    """Put the mouths into their frames."""
    for takes, asked, made in answers:
        mouths = iter(made)
        for take, each in zip(takes, asked, strict=True):
            yield Made(take.number, picture_of(take.frame, each, mouths, blend))


def blend_of(scene: Scene, models: Models) -> Blend:
    """The way in which mouths come into the frames."""
    source, options = scene.source, scene.options
    if options.blend == "box":
        return BoxBlend(source.colour, models.conventions.side)
    neutrals = Neutrals(source, models)
    if options.blend == "soft":
        return SoftBlend(source.colour, neutrals.of, source.final)
    return TransferBlend(source.final, neutrals.of, options.expression)


def asked_of(batch: list[Take], blend: Blend) -> list[list[Asked]]:
    """What is asked for each face of each take."""
    return [[blend.ask(take.frame, seen) for seen in take.seen] for take in batch]


def mouths_of(
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
        return frame.final.picture
    canvas = blend.canvas(frame)
    for each in asked:
        blend.paste(canvas, frame, each, next(mouths))
    return blend.picture(canvas, frame)
