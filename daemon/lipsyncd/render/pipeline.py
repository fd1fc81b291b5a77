"""The render: a face and a voice become a video whose lips follow the voice.  Read this file first.

Everything streams in one direction.  A take is one frame of the result with its face and the window
of sound heard with it; takes come in one by one, the generator sees a batch of them at a time, and
the pictures go out in the same order.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, cycle, islice
from typing import BinaryIO, Protocol

import av
import numpy as np

from lipsyncd.errors import InvalidRequest
from lipsyncd.face.blend import Asked, Blend
from lipsyncd.face.reference import BoxBlend
from lipsyncd.face.soft import SoftBlend
from lipsyncd.face.track import Seen
from lipsyncd.face.transfer import TransferBlend
from lipsyncd.media.frame import Frame
from lipsyncd.media.limits import held
from lipsyncd.media.rate import exact
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source, examine_source, timeline
from lipsyncd.media.spooled import Readable
from lipsyncd.media.sway import swaying
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.gaps import notes_of, refuse_gaps
from lipsyncd.render.hearing import hear
from lipsyncd.render.models import Models
from lipsyncd.render.neutrals import Neutrals
from lipsyncd.render.people import People
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.prefetch import prefetch

RAMP = Fraction(1, 8)  # seconds
NAMES = "The first voice", "The second voice", "The third voice"
HEARD = 2000  # windows of 5 kB that wait at most


class Settings(Protocol):
    """What the operator chose for every render."""

    crf: int
    preset: str
    detect_every: int
    max_voice_seconds: int


@dataclass(frozen=True)
class Files:
    """What a render reads, and the empty file that its result is written to and read in."""

    face: Readable
    voices: tuple[Readable, ...]
    result: BinaryIO
    pictures: tuple[Readable, ...] = ()  # of people whose lips move


@dataclass(frozen=True)
class Take:
    """One frame of the result to be: a frame of the source, the faces in it, and a window of each
    voice, of which each face hears its own."""

    frame: Frame
    seen: list[Seen]
    windows: tuple[np.ndarray, ...]


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
    voices = examined_voices(files.voices, options, settings.max_voice_seconds)
    source = examined_face(files.face, options)
    refuse_outside(options.box, source)
    decided = chain.from_iterable(each.notes for each in (source, *voices))
    spoken, faces = max(1, round(max(voice.seconds for voice in voices) * source.rate)), 0
    crf = settings.crf if options.crf is None else options.crf
    # it is heard while the source is looked through
    heard = zip(*(hear(voice, source, options, models) for voice in voices), strict=True)
    with prefetch(heard, depth=HEARD) as windows:
        people = People(files.pictures, models) if files.pictures else None
        planner = Planner(options, models, settings.detect_every, source.rate, people)
        plan = yield from planned(source, spoken, options, planner)
        refuse_gaps(plan.gaps, plan.frames, options, source.rate)
        total = length(options.extend, spoken, plan.frames)
        notes = (*decided, *notes_of(plan.gaps, source.rate))
        takes = takes_of(frames_of(source, total, plan, options), windows, plan, source, options)
        blend = blend_of(options, source, models)
        with (
            prefetch(takes, depth=held(source.width, source.height, models.batch)) as coming,
            prefetch(dub(coming, blend, models), depth=1) as dubbed,
            new_result(
                files.result, source, voices, settings.preset, crf, is_cut=options.extend == "cut"
            ) as result,
        ):
            for batch in dubbed:
                for picture in batch.pictures:
                    result.write(picture)
                faces += batch.faces
                yield Progress(result.frames, total, faces, notes)


def examined_voices(files: Sequence[Readable], options: Options, most_seconds: int) -> list[Voice]:
    """The voices, looked at to their ends."""
    names = NAMES[: len(files)] if len(files) > 1 else ["The voice"]
    numbers = options.tracks
    tracks = [number - 1 for number in numbers] if numbers else [None]
    return [
        examine_voice(file, name, most_seconds, track)
        for file, name, track in zip(files, names, cycle(tracks), strict=False)
    ]


def examined_face(file: Readable, options: Options) -> Source:
    """The face, looked at to its first picture."""
    rate = None if options.fps is None else exact(options.fps)
    track = None if options.video_track is None else options.video_track - 1
    return examine_source(file, "The face", rate, track)


def planned(
    source: Source, spoken: int, options: Options, planner: Planner
) -> Generator[Progress, None, Plan]:
    """Look through as much of the source as is shown: `spoken` frames, or all.

    Raises NoFace, InclinedFace.
    """
    most = None if options.extend == "silence" else spoken
    depth = held(source.width, source.height, planner.every)
    with prefetch(islice(source.frames(), most), depth) as frames:
        for _ in planner.look(frames):
            yield Progress(0, spoken, 0)
    return planner.plan()


def length(extend: str, spoken: int, shown: int) -> int:
    """How many frames the result has, by those of the voice and those of the source."""
    bounds = {"cut": min(spoken, shown), "silence": max(spoken, shown)}
    return bounds.get(extend, spoken)


def frames_of(source: Source, total: int, plan: Plan, options: Options) -> Iterator[Frame]:
    """The frames of the result, as they were before."""
    frames = timeline(source, total, options.extend)
    if options.still == "move" and plan.frames == 1:
        return swaying(frames, source.rate)
    return frames


def takes_of(
    frames: Iterator[Frame],
    windows: Iterator[tuple[np.ndarray, ...]],
    plan: Plan,
    source: Source,
    options: Options,
) -> Iterator[Take]:
    """Each frame with its faces and its windows; outside of the range that is wanted, without."""
    for number, (frame, heard) in enumerate(zip(frames, windows, strict=False)):
        yield Take(frame, plan.seen(frame.index, inside(options, number / source.rate)), heard)


def inside(options: Options, seconds: Fraction) -> float:
    """How far a time is inside the range whose lips are to move: 0 to 1, over RAMP seconds."""
    begins, ends = options.from_ or 0, options.to
    after = 1.0 if not begins else (seconds - Fraction(begins)) / RAMP
    before = 1.0 if ends is None else (Fraction(ends) - seconds) / RAMP
    return float(min(1, max(0, after), max(0, before)))


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


def refuse_outside(box: tuple[int, int, int, int] | None, source: Source) -> None:
    if box is not None and (box[0] >= source.width or box[1] >= source.height):
        raise InvalidRequest(
            f"The box lies outside the picture of {source.width} x {source.height} pixels.",
            "Name a box inside it.",
        )
