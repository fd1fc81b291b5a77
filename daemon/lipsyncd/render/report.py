"""The report of a probe: what was found, as a Probe, and in sentences what is worth knowing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc

from lipsyncd.errors import LipsyncError
from lipsyncd.face.face import Face
from lipsyncd.face.track import Run
from lipsyncd.media.colour import FULL, Colour
from lipsyncd.media.source import Source
from lipsyncd.media.voice import Voice
from lipsyncd.protocol.moment import clock
from lipsyncd.protocol.options import Options
from lipsyncd.protocol.probe import (
    MOST_CUTS,
    MOST_FACES,
    MOST_GAPS,
    Away,
    Probe,
    Shown,
    Stream,
    Sync,
)
from lipsyncd.render.gaps import notes_of
from lipsyncd.render.parts import length
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.scene import spoken_of

SMALL = 64  # pixels: in a narrower face a mouth has few
GOES_ON = {  # a video that is shorter than the voice, by `extend`
    "pingpong": "the video goes on back and forth",
    "loop": "the video begins anew",
    "freeze": "the last picture stays",
    "cut": "the result ends",
    "silence": "the last picture stays",
}


@dataclass(frozen=True)
class Header:
    """What a face's file states: its streams, and its seconds, if it does."""

    streams: tuple[Stream, ...]
    seconds: float | None


@dataclass(frozen=True)
class Looked:
    """What was found.  `plan` has no tracks where `error` says why."""

    source: Source
    header: Header
    voices: list[Voice]
    planner: Planner
    plan: Plan
    sync: Sync | None
    error: LipsyncError | None

    @property
    def shown(self) -> int:
        """How many frames the video has, as far as that is known."""
        stated = round((self.header.seconds or 0) * self.source.rate)
        return max(self.planner.frames, stated)

    @property
    def coverage(self) -> float:
        """The share of the frames in which a new mouth is to be seen."""
        missing = sum(gap.length for gap in self.plan.gaps)
        return 1 - missing / self.plan.frames if self.plan.tracks else 0.0


def report(looked: Looked, options: Options) -> Probe:
    """All that is told."""
    source, rate, plan = looked.source, looked.source.rate, looked.plan
    spoken = spoken_of(looked.voices, source) if looked.voices else 0
    frames = length(options.extend, spoken, looked.shown) if spoken else 0
    faces = list(faces_of(looked))
    gaps = plan.gaps[:MOST_GAPS]
    return Probe(
        streams=looked.header.streams,
        width=source.width,
        height=source.height,
        rate=float(rate),
        aspect=float(source.aspect),
        rotation=90 * source.look.orientation.turns,
        is_mirrored=source.look.orientation.mirrored,
        colour=named(source.final),
        seconds=looked.header.seconds,
        looked_seconds=float(looked.planner.frames / rate),
        cuts=tuple(float(cut / rate) for cut in looked.planner.cuts[:MOST_CUTS]),
        faces=tuple(faces[:MOST_FACES]),
        gaps=tuple(Away(float(gap.start / rate), float(gap.stop / rate), gap.why) for gap in gaps),
        coverage=round(looked.coverage, 3),
        sync=looked.sync,
        voices=tuple(float(voice.seconds) for voice in looked.voices),
        frames=frames,
        result_seconds=float(frames / rate) if frames else None,
        error=looked.error.as_map() if looked.error else None,
        warnings=tuple(warnings_of(looked, options, spoken)),
    )


def faces_of(looked: Looked) -> Iterator[Shown]:
    """Each face that was followed, in the order in which they come."""
    planner, rate = looked.planner, looked.source.rate
    speakers = planner.spoken() if looked.plan.tracks else []
    voices = {id(span.run): 1 + voice for span, voice in speakers}
    for run in sorted(planner.runs, key=lambda run: run.start):
        yield Shown(
            start=float(run.start / rate),
            end=float(run.stop / rate),
            box=box_of(run),
            turn=round(float(np.median([abs(Face.of(row).turn) for row in run.rows()])), 2),
            coverage=round(float(np.mean(planner.shown(run) > 0)), 3),
            voice=voices.get(id(run)),
        )


def box_of(run: Run) -> tuple[int, ...]:
    """Left, top, right, bottom of a face in whole pixels, each the median of all frames."""
    return tuple(np.median(run.rows()[:, :4], axis=0).round().astype(int).tolist())


def named(colour: Colour) -> str:
    """BT709, limited range; where they differ primaries/transfer/matrix, by the names of H.273"""
    codes = (
        (ColorPrimaries, colour.primaries),
        (ColorTrc, colour.transfer),
        (ColorPrimaries, colour.matrix),  # which has the same names
    )
    names = (kind(code).name if code in [*kind] else str(code) for kind, code in codes)
    swing = "full" if colour.swing == FULL else "limited"
    return f"{'/'.join(dict.fromkeys(names))}, {swing} range"


def warnings_of(looked: Looked, options: Options, spoken: int) -> Iterator[str]:
    """Sentences, those first that the job would note as well."""
    rate, frames = looked.source.rate, looked.planner.frames
    heard: tuple[Source | Voice, ...] = (looked.source, *looked.voices)
    for each in heard:
        yield from each.notes
    yield from notes_of(looked.plan.gaps, rate)
    if frames < min(spoken or looked.shown, looked.shown):
        yield f"Only the first {float(frames / rate):.0f} s of the video were looked at."
    is_still = looked.plan.frames == 1
    if spoken > looked.shown and not is_still:
        at, how = clock(looked.shown / rate), GOES_ON[options.extend]
        yield f"The voice is longer than the video: at {at} {how}."
    if looked.sync and not looked.sync.is_in_sync:
        yield sentence_of(looked.sync)
    yield from of_faces(looked, options)


def sentence_of(sync: Sync) -> str:
    """How far lips and the sound of a video are apart."""
    how = "later" if sync.offset_ms > 0 else "earlier"
    return f"The video's own sound comes {abs(sync.offset_ms)} ms {how} than its lips."


def of_faces(looked: Looked, options: Options) -> Iterator[str]:
    """What is worth knowing of faces."""
    spans = looked.planner.spoken() if looked.plan.tracks else []
    widths = [right - left for left, _, right, _ in (box_of(span.run) for span, _ in spans)]
    if widths and min(widths) < SMALL:
        yield f"The face is only {min(widths)} pixels wide: its mouth will be coarse."
    at_once = most_at_once(looked.planner.runs)
    if at_once > 1 and options.who == "largest":
        yield f"There are up to {at_once} faces at once, and the lips of the largest move: see who."


def most_at_once(runs: list[Run]) -> int:
    """How many faces there are in one frame at most."""
    begun = sorted(run.start for run in runs)
    return max((sum(r.start <= at < r.stop for r in runs) for at in begun), default=0)
