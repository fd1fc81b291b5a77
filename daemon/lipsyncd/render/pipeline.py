"""The render: a face and a voice become a video whose lips follow the voice.  Read this file first.

First the voice is heard and the face looked through: that is the scene.  Then everything streams in
one direction.  A take is one frame of the result with its face and the window of sound heard with
it; takes come in one by one, the generator sees a batch of them at a time, and the pictures go out
in the same order, into parts of some seconds, which are joined at last.  What is finished is kept
in the work file: if the process ends, the next one goes on from there.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO

import av
import numpy as np

from lipsyncd.face.blend import Asked, Blend
from lipsyncd.face.reference import BoxBlend
from lipsyncd.face.soft import SoftBlend
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.media.frame import Frame
from lipsyncd.media.kept import NOTHING, Kept, kept_of
from lipsyncd.media.limits import held
from lipsyncd.media.output import Output, output_of
from lipsyncd.media.part import PartEncoder, read_packets, write_packets
from lipsyncd.media.result import new_result
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.models import Models
from lipsyncd.render.neutrals import Neutrals
from lipsyncd.render.prefetch import prefetch
from lipsyncd.render.scene import Files, Scene, Settings, Take, key_of, staged
from lipsyncd.render.work import Kind, Work


def render(
    options: Options, files: Files, models: Models, settings: Settings
) -> Generator[Progress, None, None]:
    """Write the result of a job; each yield is the progress.

    Raises InputError, InvalidRequest, DiskFull, DeviceLost, DeviceMemoryFull.
    """
    output = output_of(options, settings.crf, settings.preset)
    work = Work(files.work, key_of(options, models, settings))
    scene = yield from staged(work, files, options, models, settings)
    seconds = scene.total / scene.source.rate
    kept = kept_of(scene.source, output, seconds) if options.keep else NOTHING
    notes, before = (*scene.notes, *kept.notes), made_in(work, scene)
    encoding = encode(scene, output, work, models, files.moved)
    for done in chain(encoding, join(scene, output, kept, work, files.result)):
        yield Progress(done, scene.total, scene.faces[done], notes, before)


def encode(
    scene: Scene, output: Output, work: Work, models: Models, moved: Callable[[], None]
) -> Iterator[int]:
    """Make the parts that are not there, each of their pictures once; a yield is how many there
    are now and then."""
    source, parts, done = scene.source, scene.parts, made_in(work, scene)
    yield done
    depth, blend = held(source.width, source.height, models.batch), blend_of(scene, models)
    with (
        prefetch(scene.takes(range(done, scene.total)), depth) as takes,
        prefetch(dub(takes, blend, models), depth=1) as batches,
    ):
        pictures = chain.from_iterable(batches)
        for part in parts[len(work.of(Kind.PART)) :]:
            encoder = PartEncoder(source, output)
            with work.added(Kind.PART) as file:
                for number, picture in zip(part, pictures, strict=False):
                    write_packets(encoder.packets(picture), file)
                    moved()
                    if number % models.batch == 0:
                        yield number + 1
                write_packets(encoder.packets(None), file)
            if len(parts) > 1:
                work.settle()
            yield part.stop


def made_in(work: Work, scene: Scene) -> int:
    """How many frames of the result are in whole parts."""
    return sum(map(len, scene.parts[: len(work.of(Kind.PART))]))


def join(scene: Scene, output: Output, kept: Kept, work: Work, file: BinaryIO) -> Iterator[int]:
    """The parts as one file, with the voice beside them."""
    source, is_cut = scene.source, scene.options.extend == "cut"
    with new_result(file, source, scene.voices, output, kept, is_cut=is_cut) as result:
        for part in work.of(Kind.PART):
            result.add(read_packets(work.reading(part), 1 / source.rate))
            yield scene.total


def blend_of(scene: Scene, models: Models) -> Blend:
    """The way in which mouths come into the frames."""
    source, options = scene.source, scene.options
    if options.blend == "box":
        return BoxBlend(source.colour, models.conventions.side)
    neutrals = Neutrals(source, models)
    if options.blend == "soft":
        return SoftBlend(source.colour, neutrals.of)
    return TransferBlend(source.colour, neutrals.of, options.expression)


def dub(takes: Iterator[Take], blend: Blend, models: Models) -> Iterator[list[av.VideoFrame]]:
    """Give each face its new mouth, a batch at a time."""
    for first in takes:
        most = held(first.frame.width, first.frame.height, models.batch)
        batch = [first, *islice(takes, most - 1)]
        asked, changes = asked_of(batch, blend), models.changes
        windows = [take.windows[seen.track.voice] for take in batch for seen in take.seen]
        mouths = iter(answered(list(chain.from_iterable(asked)), windows, blend, models))
        if models.changes != changes:  # the mouths are of others: so must be what they began at
            asked = asked_of(batch, blend)
        yield [
            picture_of(take.frame, each, mouths, blend)
            for take, each in zip(batch, asked, strict=True)
        ]


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
