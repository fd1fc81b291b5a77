"""The scene: what a render makes its pictures of, each frame of the result to be.

A face and its voices are looked at and a plan is made, once: the work file has it from then on.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import Any, BinaryIO, Protocol

import msgpack
import numpy as np

from lipsyncd.face.track import Seen
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source
from lipsyncd.media.spooled import Readable
from lipsyncd.media.sway import swaying
from lipsyncd.media.timeline import index_at, timeline
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.gaps import notes_of, refuse_gaps
from lipsyncd.render.hearing import Heard, hear, heard_in
from lipsyncd.render.inputs import examined_face, examined_voices
from lipsyncd.render.known import keep, known_in
from lipsyncd.render.looking import ALL, Need, looked_through
from lipsyncd.render.models import Models
from lipsyncd.render.parts import length, parts_of
from lipsyncd.render.people import People
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.plans import Cache, NoCache, Plans
from lipsyncd.render.prefetch import prefetch
from lipsyncd.render.work import Work

RAMP = Fraction(1, 8)  # seconds
ENDLESS = 0  # depth of a prefetch in which there is little
FORMAT = 3  # of the work file; another one where the same inputs make other pictures


class Settings(Protocol):
    """What the operator chose for every render."""

    crf: int
    preset: str
    detect_every: int
    max_voice_seconds: int


@dataclass(frozen=True)
class Files:
    """What a render reads, the empty file that its result is written to and read in, and the one in
    which it keeps what is finished; `moved` is called for each picture that is encoded, of which an
    encoder may make some in a minute; `earlier` has what was finished of a job that is redone."""

    face: Readable
    voices: tuple[Readable, ...]
    result: BinaryIO
    work: BinaryIO
    pictures: tuple[Readable, ...] = ()  # of people whose lips move
    moved: Callable[[], None] = lambda: None
    plans: Cache = NoCache()  # where those of earlier renders are
    earlier: BinaryIO | None = None


@dataclass(frozen=True)
class Take:
    """One frame of the result to be: a frame of the source, the faces in it, and a window of each
    voice, of which each face hears its own."""

    number: int
    frame: Frame
    seen: list[Seen]
    windows: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Scene:
    """All that the pictures of a result depend on, whichever of them are made, in whatever order.

    `heard` is of each voice.
    """

    source: Source
    heard: tuple[Heard, ...]
    plan: Plan
    options: Options

    @property
    def voices(self) -> list[Voice]:
        """What is spoken."""
        return [each.voice for each in self.heard]

    @cached_property
    def total(self) -> int:
        """How many frames the result has."""
        spoken = spoken_of(self.voices, self.source)
        return length(self.options.extend, spoken, self.plan.frames)

    @cached_property
    def parts(self) -> list[range]:
        """The frames of each part."""
        return parts_of(self.total, self.source.rate, set(self.plan.cuts), self.index)

    @cached_property
    def _faces(self) -> list[int]:
        """In how many of the first 0, 1, ... frames of the result there is a new mouth."""
        return [0, *np.cumsum([bool(self.seen(number)) for number in range(self.total)]).tolist()]

    def faces_in(self, numbers: range) -> int:
        """In how many of these frames of the result there is a new mouth."""
        return self._faces[numbers.stop] - self._faces[numbers.start]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was decided, and on where the mouth is out of sight."""
        said = chain.from_iterable(each.notes for each in self.voices)
        return (*self.source.notes, *said, *notes_of(self.plan.gaps, self.source.rate))

    def part_at(self, number: int) -> int:
        """The part that a frame of the result is in."""
        return bisect_right(self.parts, number, key=lambda part: part.stop)

    def index(self, number: int) -> int:
        """The frame of the source that a frame of the result shows."""
        return index_at(number, self.plan.frames, self.options.extend)

    def seen(self, number: int) -> list[Seen]:
        """The faces in a frame of the result that get a new mouth."""
        share = inside(self.options, number / self.source.rate)
        return self.plan.seen(self.index(number), share)

    def windows(self, number: int) -> tuple[np.ndarray, ...]:
        """What is heard of each voice with a frame of the result."""
        return tuple(each.window(number) for each in self.heard)

    def takes(self, numbers: range) -> Iterator[Take]:
        """Frames of the result, one after the other."""
        source, plan, options = self.source, self.plan, self.options
        frames = timeline(source, plan.frames, options.extend, numbers.start)
        if options.still == "move" and plan.frames == 1:
            frames = swaying(frames, source.rate, numbers.start)
        for number, frame in zip(numbers, frames, strict=False):
            yield Take(number, frame, self.seen(number), self.windows(number))


def staged(
    work: Work,
    files: Files,
    options: Options,
    models: Models,
    settings: Settings,
    *,
    need: Need = ALL,
) -> Generator[Progress, None, Scene]:
    """What a render makes its pictures of; what the work file knows of it is not found out again.

    Raises InputError, InvalidRequest.
    """
    if known := known_in(work, files.voices):
        voices, plan = known
        source = examined_face(files.face, options)
    else:
        voices = examined_voices(files.voices, options, settings.max_voice_seconds)
        source = examined_face(files.face, options)
        planner = planner_of(source, files, options, models, settings)
        more = models.fingerprint, settings.detect_every
        plans = Plans(files.plans, (files.face, *files.pictures), options, *more)
        plan = yield from planned(work, source, voices, planner, plans, need=need)
    refuse_gaps(plan.gaps, plan.frames, options, source.rate)
    offset = models.conventions.mel_offset_frames
    heard = heard_in(work, voices, options, source.rate, offset)
    return Scene(source, heard, plan, options)


def planned(
    work: Work,
    source: Source,
    voices: list[Voice],
    planner: Planner,
    plans: Plans,
    *,
    need: Need,
) -> Generator[Progress, None, Plan]:
    """Hear the voices, and meanwhile look through as much of the source as is shown, if that was
    not done before.

    Raises NoFace, InclinedFace.
    """
    options, begun = planner.options, time.monotonic()
    most = None if options.extend == "silence" else spoken_of(voices, source)
    with prefetch(hear(voices, options, work, need.until), ENDLESS) as heard:
        if (plan := plans.found(most)) is None:
            yield from looked_through(source, most, planner, need)
            plan = planner.plan()
            if not need.enough(planner):  # else it may be one of the beginning alone
                plans.keep(most, plan)
        for _ in heard:
            yield Progress(0, most or 0, 0)
    keep(work, voices, plan, time.monotonic() - begun)
    return plan


def planner_of(
    source: Source, files: Files, options: Options, models: Models, settings: Settings
) -> Planner:
    """What makes the plan of a source."""
    people = People(files.pictures, models) if files.pictures else None
    return Planner(options, models, settings.detect_every, source.rate, people)


def spoken_of(voices: Iterable[Voice], source: Source) -> int:
    """How many frames of the source are as long as the longest voice; one at least."""
    return max(1, round(max(voice.seconds for voice in voices) * source.rate))


def inside(options: Options, seconds: Fraction) -> float:
    """How far a time is inside the range whose lips are to move: 0 to 1, over RAMP seconds."""
    begins, ends = options.from_ or 0, options.to
    after = 1.0 if not begins else (seconds - Fraction(begins)) / RAMP
    before = 1.0 if ends is None else (Fraction(ends) - seconds) / RAMP
    return float(min(1, max(0, after), max(0, before)))


def key_of(options: Options, models: Models, settings: Settings) -> bytes:
    """What everything in a work file depends on, beside the job's own files."""
    chosen: dict[str, Any] = {
        "format": FORMAT,
        "options": replace(options, share=None).as_map(),
        "conventions": asdict(models.conventions),
        "models": models.fingerprint,
        "crf": settings.crf,
        "preset": settings.preset,
        "detect_every": settings.detect_every,
    }
    packed: bytes = msgpack.packb(chosen)
    return packed
