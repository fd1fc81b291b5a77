"""The render: a face and a voice become a video whose lips follow the voice.  Read this file first.

Everything streams in one direction.  A take is one frame of the result with its face and the window
of sound heard with it; takes come in one by one, the generator sees a batch of them at a time, and
the pictures go out in the same order.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import BinaryIO, Protocol

import av
import numpy as np

from lipsyncd.errors import InvalidRequest, NoFace
from lipsyncd.face.blend import Blend, SoftBlend
from lipsyncd.face.box import Box
from lipsyncd.face.reference import BoxBlend, steady_forward
from lipsyncd.face.track import Sighting, locate, steady
from lipsyncd.media.frame import Frame
from lipsyncd.media.limits import LARGE, held
from lipsyncd.media.mel import clamped, mel_columns, mel_windows, window_starts
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source, examine_source, timeline
from lipsyncd.media.spooled import Readable
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.model.conventions import Conventions
from lipsyncd.model.detector import Detector
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.prefetch import prefetch

Made = tuple[np.ndarray, np.ndarray, float]  # a crop, its new mouth, how far it was calmed


NO_FRAME = Frame(-1, av.VideoFrame())  # stands for one whose picture is not to be held


class Settings(Protocol):
    """What the operator chose for every render."""

    crf: int
    preset: str
    detect_every: int
    max_voice_seconds: int


class Models(Protocol):
    """A detector, and a generator somewhere (model/residency.py has the shapes)."""

    batch: int
    conventions: Conventions

    def new_detector(self) -> Detector:
        """A face detector for one thread."""

    def mouths(
        self, crops: np.ndarray, windows: np.ndarray, lower: bool, references: np.ndarray
    ) -> np.ndarray:
        """The mouth of each crop as it hears its window."""


@dataclass(frozen=True)
class Files:
    """What a render reads, and the empty file that its result is written to and read in."""

    face: Readable
    voice: Readable
    result: BinaryIO


@dataclass(frozen=True)
class Take:
    """One frame of the result to be, with its face and its window."""

    sighting: Sighting
    window: np.ndarray


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
    voice = examine_voice(files.voice, "The voice", settings.max_voice_seconds)
    source = examine_source(files.face, "The face")
    refuse_outside(options.box, source)
    total, faces = max(1, round(voice.seconds * source.rate)), 0
    frames = partial(timeline, source, total, options.extend)
    again = frames() if source.width * source.height > LARGE else None
    sightings = follow(frames(), options, models, settings, again)
    takes = map(Take, sightings, hear(voice, source, total, options, models))
    blend = SoftBlend(source.colour) if options.blend == "soft" else BoxBlend(source.colour)
    crf = settings.crf if options.crf is None else options.crf
    with (
        prefetch(takes, depth=held(source.width, source.height, models.batch)) as coming,
        prefetch(dub(coming, blend, models), depth=1) as dubbed,
        new_result(files.result, source, voice, settings.preset, crf) as result,
    ):
        for batch in dubbed:
            for picture in batch.pictures:
                result.write(picture)
            faces += batch.faces
            yield Progress(result.frames, total, faces)
        refuse_faceless(faces, total, settings.detect_every if again is None else 1)


def follow(
    frames: Iterator[Frame],
    options: Options,
    models: Models,
    settings: Settings,
    again: Iterator[Frame] | None = None,
) -> Iterator[Sighting]:
    """The frames, each with the box that the generator's crop is cut from.

    Where they are too large to be held while boxes are steadied, they are read `again` for that.
    """
    if options.box is not None:
        return (Sighting(frame, Box(*options.box)) for frame in frames)
    detector = models.new_detector()
    every = settings.detect_every if again is None else 1
    located = locate(frames, lambda frame: framed(detector.faces(frame), models), every)
    steadied = steady if options.blend == "soft" else steady_forward
    if again is None:
        return steadied(located)
    bare = (replace(sighting, frame=NO_FRAME) for sighting in located)
    pairs = zip(steadied(bare), again, strict=True)
    return (replace(sighting, frame=frame) for sighting, frame in pairs)


def framed(faces: list[Box], models: Models) -> list[Box]:
    """The detector's boxes as the checkpoint wants its crops cut."""
    conventions = models.conventions
    return [face.lowered(conventions.chin_share, conventions.chin_pixels) for face in faces]


def hear(
    voice: Voice, source: Source, total: int, options: Options, models: Models
) -> Iterator[np.ndarray]:
    """The window of each frame."""
    starts = window_starts(source.rate, total, models.conventions.mel_offset_frames)
    if options.blend == "box":
        starts = clamped(starts, voice)
    return mel_windows(mel_columns(voice), starts)


def dub(takes: Iterator[Take], blend: Blend, models: Models) -> Iterator[Dubbed]:
    """Give each face its new mouth, a batch at a time."""
    for first in takes:
        frame = first.sighting.frame
        most = held(frame.width, frame.height, models.batch)
        batch = [first, *islice(takes, most - 1)]
        seen = [take for take in batch if take.sighting.box is not None]
        made = new_mouths(seen, blend, models) if seen else iter(())
        yield Dubbed([picture_of(take, blend, made) for take in batch], len(seen))


def new_mouths(seen: list[Take], blend: Blend, models: Models) -> Iterator[Made]:
    """What the generator makes of each face, its window, and the face it takes after."""
    crops = [blend.crop(take.sighting.frame, take.sighting.box) for take in seen]
    pairs = zip(seen, crops, strict=True)
    references, calmed = zip(
        *(blend.reference(take.sighting, crop) for take, crop in pairs), strict=True
    )
    windows = np.stack([take.window for take in seen])
    mouths = models.mouths(np.stack(crops), windows, blend.lower, np.stack(references))
    return zip(crops, mouths, calmed, strict=True)


def picture_of(take: Take, blend: Blend, made: Iterator[Made]) -> av.VideoFrame:
    """The take's picture with the next mouth; without a face it passes through untouched."""
    if take.sighting.box is None:
        return take.sighting.frame.picture
    return blend.paste(take.sighting, *next(made))


def refuse_outside(box: tuple[int, int, int, int] | None, source: Source) -> None:
    if box is not None and (box[0] >= source.width or box[1] >= source.height):
        raise InvalidRequest(
            f"The box lies outside the picture of {source.width} x {source.height} pixels.",
            "Name a box inside it.",
        )


def refuse_faceless(faces: int, total: int, every: int) -> None:
    if faces == 0:
        looked = (
            "each was" if 1 in (total, every) else f"the first and every {every}th after it were"
        )
        raise NoFace(
            f"No face was found in any of the {total} frames ({looked} looked at).",
            "Give a video or picture in which a face is seen from the front, or name its box.",
        )
