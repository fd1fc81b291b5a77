"""The review: a look at a result as at a face, beside what it was made of while that is there."""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise

import msgpack
import numpy as np

from lipsyncd.errors import InputError, InputGone
from lipsyncd.face.face import Face
from lipsyncd.face.warp import inverted, place_of
from lipsyncd.media.frame import Frame
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.spooled import Readable
from lipsyncd.media.voice import SAMPLE_RATE, waveform
from lipsyncd.model.landmarker import Landmarker
from lipsyncd.protocol.job import Progress
from lipsyncd.protocol.options import PICTURED, Options
from lipsyncd.protocol.probe import MOST_CUTS, MOST_GAPS, Away, Sync
from lipsyncd.protocol.review import Review
from lipsyncd.render.looking import looked_through
from lipsyncd.render.models import Models
from lipsyncd.render.moments import moments_of, picked
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.probe import header_of
from lipsyncd.render.redo import Earlier
from lipsyncd.render.scene import Files, Scene, Settings, staged
from lipsyncd.render.sync import own_sound, own_sync
from lipsyncd.render.work import Kind

LOOKED_SECONDS = 20  # of a result
GONE = "What the result was made of is no longer kept, so the result is shown alone."
FACELESS = "No face was found in the result, so nothing can be told of its lips."


def review(
    options: Options, files: Files, models: Models, settings: Settings, *, done: Readable
) -> Generator[Progress, None, None]:
    """Write a Review of the result `done`, as msgpack.

    Raises InputError if it cannot be read.
    """
    source = examine_source(done, "The result")
    planner = Planner(looking(options), models, settings.detect_every, source.rate)
    yield from looked_through(source, round(LOOKED_SECONDS * source.rate), planner)
    plan = planned(planner)
    opening = []
    for each in openings(source, plan, models.landmarker):
        opening.append(each)
        yield Progress(0, plan.frames, 0)
    made = yield from made_of(options, files, models, settings)
    sync = own_sync(source, plan, models)
    files.result.write(told(Watched(source, plan, opening, sync), made).to_bytes())


@dataclass(frozen=True)
class Watched:
    """A result that was looked at; `opening` is how far lips are open in each frame of the plan."""

    source: Source
    plan: Plan
    opening: Sequence[float | None]
    sync: Sync | None


@dataclass(frozen=True)
class Made:
    """What a result was made of, and how many seconds the look at its face took, if known."""

    scene: Scene
    looking_seconds: float | None


def told(watched: Watched, made: Made | None) -> Review:
    """All that is told."""
    source, plan, opening = watched.source, watched.plan, watched.opening
    rate, stated = source.rate, header_of(source).seconds
    shown = moments_of(source, plan, picked(plan, opening, rate), made.scene if made else None)
    missing = [] if made else [GONE]
    missing += [] if plan.tracks else [FACELESS]
    gaps = plan.gaps[:MOST_GAPS] if plan.tracks else ()
    return Review(
        seconds=stated or float(plan.frames / rate),
        looked_seconds=float(plan.frames / rate),
        rate=float(rate),
        loudness=tuple(loudness(source, plan.frames)),
        opening=tuple(opening),
        cuts=tuple(float(cut / rate) for cut in plan.cuts[:MOST_CUTS]),
        gaps=tuple(Away(float(gap.start / rate), float(gap.stop / rate), gap.why) for gap in gaps),
        sync=watched.sync,
        moments=tuple(shown),
        looking_seconds=made.looking_seconds if made else None,
        missing=tuple(missing),
    )


def made_of(
    options: Options, files: Files, models: Models, settings: Settings
) -> Generator[Progress, None, Made | None]:
    """What the result was made of, or None if that is gone, or not whole."""
    if files.earlier is None:
        return None
    try:
        work = Earlier(files.earlier).work
    except InputGone:
        return None
    if (record := work.of(Kind.PLAN).get(0)) is None:
        return None
    scene = yield from staged(work, files, options, models, settings)
    return Made(scene, msgpack.unpackb(work.read(record)).get("seconds"))


def looking(options: Options) -> Options:
    """How the same faces are found in the result; without the pictures of people."""
    who = "largest" if PICTURED in options.places else options.who
    return Options(who=who, box=options.box)


def planned(planner: Planner) -> Plan:
    """The plan, without faces if there are none."""
    try:
        return planner.plan()
    except InputError:
        return Plan(planner.frames, ())


def openings(source: Source, plan: Plan, landmarker: Landmarker) -> Iterator[float | None]:
    """How far the lips are open in each frame, those that are most; None without any."""
    with closing(source.frames()) as frames:
        for frame in islice(frames, plan.frames):
            found = [opening_of(frame, seen.face, landmarker) for seen in plan.seen(frame.index)]
            yield max((each for each in found if each is not None), default=None)


def opening_of(frame: Frame, face: Face, landmarker: Landmarker) -> float | None:
    """That of one face; None if what was found can be no lips."""
    lips = landmarker.lips(frame, face)
    is_mouth = lips.moved(inverted(place_of(face.box))).are_plausible()
    return round(lips.openness, 4) if is_mouth else None


def loudness(source: Source, frames: int) -> Iterator[float]:
    """The loudest of the result's own sound in each of so many frames, 0 to 1; nothing without."""
    if (found := own_sound(source)) is None:
        return
    voice, late = found
    edges = [math.floor(number / source.rate * SAMPLE_RATE) for number in range(frames + 1)]
    begins = late * SAMPLE_RATE // 1000
    blocks, count = [np.zeros(max(0, begins), np.float32)], min(0, begins)
    with closing(waveform(voice)) as pieces:
        for piece in pieces:
            blocks.append(piece)
            count += len(piece)
            if count >= edges[-1]:
                break
    samples = np.abs(np.concatenate(blocks))[max(0, -begins) :]
    for start, stop in pairwise(edges):
        yield round(min(1.0, float(samples[start:stop].max(initial=0))), 4)
