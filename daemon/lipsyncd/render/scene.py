"""The scene: what a render makes its pictures of, each frame of the result to be.

A face and its voices are looked at, a plan is made, and the takes come one by one.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from typing import BinaryIO, Protocol

import numpy as np

from lipsyncd.face.track import Seen
from lipsyncd.media.frame import Frame
from lipsyncd.media.limits import held
from lipsyncd.media.source import Source, timeline
from lipsyncd.media.spooled import Readable
from lipsyncd.media.sway import swaying
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.gaps import notes_of, refuse_gaps
from lipsyncd.render.hearing import hear
from lipsyncd.render.inputs import examined_face, examined_voices
from lipsyncd.render.models import Models
from lipsyncd.render.people import People
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.prefetch import prefetch

RAMP = Fraction(1, 8)  # seconds
HEARD = 2000  # windows of 5 kB that wait at most


class Settings(Protocol):
    """What the operator chose for every render."""

    crf: int
    preset: str
    detect_every: int
    max_voice_seconds: int


@dataclass(frozen=True)
class Files:
    """What a render reads, and the empty file that its result is written to and read in; `moved` is
    called for each picture that is in it, of which an encoder may make some in a minute."""

    face: Readable
    voices: tuple[Readable, ...]
    result: BinaryIO
    pictures: tuple[Readable, ...] = ()  # of people whose lips move
    moved: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Take:
    """One frame of the result to be: a frame of the source, the faces in it, and a window of each
    voice, of which each face hears its own."""

    frame: Frame
    seen: list[Seen]
    windows: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Scene:
    """All that a render shows: `total` takes; `notes` are sentences on what was decided for the
    job's owner."""

    source: Source
    voices: list[Voice]
    total: int
    takes: Iterator[Take]
    notes: tuple[str, ...]


def staged(
    options: Options, files: Files, models: Models, settings: Settings, threads: ExitStack
) -> Generator[Progress, None, Scene]:
    """What a render makes its pictures of; it is read by threads that end with the stack.

    Raises InputError, InvalidRequest.
    """
    voices = examined_voices(files.voices, options, settings.max_voice_seconds)
    source = examined_face(files.face, options)
    decided = chain.from_iterable(each.notes for each in (source, *voices))
    spoken = spoken_of(voices, source)
    # it is heard while the source is looked through
    heard = zip(*(hear(voice, source, options, models) for voice in voices), strict=True)
    windows = threads.enter_context(prefetch(heard, depth=HEARD))
    planner = planner_of(source, files, options, models, settings)
    most = None if options.extend == "silence" else spoken
    yield from looked_through(source, most, planner)
    plan = planner.plan()
    refuse_gaps(plan.gaps, plan.frames, options, source.rate)
    total = length(options.extend, spoken, plan.frames)
    takes = takes_of(frames_of(source, total, plan, options), windows, plan, source, options)
    return Scene(source, voices, total, takes, (*decided, *notes_of(plan.gaps, source.rate)))


def spoken_of(voices: Iterable[Voice], source: Source) -> int:
    """How many frames of the source are as long as the longest voice; one at least."""
    return max(1, round(max(voice.seconds for voice in voices) * source.rate))


def planner_of(
    source: Source, files: Files, options: Options, models: Models, settings: Settings
) -> Planner:
    """What makes the plan of a source."""
    people = People(files.pictures, models) if files.pictures else None
    return Planner(options, models, settings.detect_every, source.rate, people)


def looked_through(source: Source, most: int | None, planner: Planner) -> Iterator[Progress]:
    """Show `most` frames of the source to a planner, or all."""
    depth = held(source.width, source.height, planner.every)
    with prefetch(islice(source.frames(), most), depth) as frames:
        for _ in planner.look(frames):
            yield Progress(0, most or 0, 0)


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
