"""The plan: what is known of a source before its render.

One quick pass looks for the shots, the faces in them, and for each the frame in which its mouth is
most at rest.  A frame of the result is a function of the source, the voice, the options and the
plan alone, whatever is rendered before it; a plan holds no pictures, and can be stored and sent.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import count
from typing import Any, Self

import numpy as np

from lipsyncd.errors import InclinedFace, NoFace
from lipsyncd.face.box import Box
from lipsyncd.face.face import FIELDS, Face
from lipsyncd.face.reference import steady_forward
from lipsyncd.face.track import Find, Run, Seen, Track, Tracker, steady
from lipsyncd.media.frame import Frame
from lipsyncd.protocol.options import PICTURED, Options
from lipsyncd.render.choice import Alike, Span, chosen
from lipsyncd.render.gaps import Gap, gaps_of
from lipsyncd.render.models import Finder, Models
from lipsyncd.render.people import People
from lipsyncd.render.survey import Survey
from lipsyncd.render.upright import Upright

FADE = 3  # frames over which a mouth fades beside a frame without its face
NEAR = 64  # frames


@dataclass(frozen=True)
class Plan:
    """`frames` of the source were looked at; `tracks` get a new mouth, but in the gaps; at `cuts`
    shots begin."""

    frames: int
    tracks: tuple[Track, ...]
    gaps: tuple[Gap, ...] = ()
    cuts: tuple[int, ...] = ()

    def seen(self, index: int, strength: float = 1.0) -> list[Seen]:
        """The faces in a frame of the source; their mouths are to be seen so far at most."""
        near = self._near.get(index // NEAR, [])
        there = [track for track in near if track.start <= index < track.stop]
        shown = [(track, strength * float(track.strength[index - track.start])) for track in there]
        return [Seen(track, track.face(index), share) for track, share in shown if share]

    @cached_property
    def _near(self) -> dict[int, list[Track]]:
        """The tracks that show something of each stretch of NEAR frames."""
        near: dict[int, list[Track]] = defaultdict(list)
        for track in self.tracks:
            for stretch in range(track.start // NEAR, (track.stop - 1) // NEAR + 1):
                near[stretch].append(track)
        return near

    def as_map(self) -> dict[str, object]:
        """The plan as msgpack or JSON of bytes can hold it."""
        tracks = [
            {
                **asdict(track),
                "rows": track.rows.astype("<f4").tobytes(),
                "strength": track.strength.astype("<f4").tobytes(),
            }
            for track in self.tracks
        ]
        gaps = list(map(list, self.gaps))
        return {"frames": self.frames, "tracks": tracks, "gaps": gaps, "cuts": list(self.cuts)}

    @classmethod
    def from_map(cls, plan: Mapping[str, Any]) -> Self:
        """What `as_map` said.  Raises KeyError, ValueError."""
        tracks = (
            Track(
                start=int(each["start"]),
                rows=np.frombuffer(each["rows"], "<f4").reshape(-1, FIELDS),
                strength=np.frombuffer(each["strength"], "<f4"),
                neutral=int(each["neutral"]),
                voice=int(each["voice"]),
                teeth=None if each["teeth"] is None else int(each["teeth"]),
            )
            for each in plan["tracks"]
        )
        gaps = (Gap(int(start), int(stop), str(why)) for start, stop, why in plan["gaps"])
        return cls(int(plan["frames"]), tuple(tracks), tuple(gaps), tuple(map(int, plan["cuts"])))


class Planner:
    """Makes a plan of the frames that it is shown."""

    def __init__(
        self,
        options: Options,
        models: Models,
        every: int,
        rate: Fraction,
        people: People | None = None,
    ) -> None:
        """It looks for faces on each `every`-th frame, of `rate` a second; `people` are those whom
        the options name by pictures."""
        self.options = options
        self.rate = rate
        self.every = every
        self._people = people
        self._find = Upright(found_by(options, models))
        # the reference knows no neutral face, and shows each mouth whole
        self._survey = None if options.blend == "box" else Survey(models.landmarker)
        self._tracker = Tracker(self._find.faces, self._look, every)

    def look(self, frames: Iterable[Frame]) -> Iterator[int]:
        """Look through the frames; each yield is how many it has seen."""
        return self._tracker.follow(frames)

    @property
    def frames(self) -> int:
        """How many it has seen."""
        return self._tracker.frames

    @property
    def cuts(self) -> list[int]:
        """The frames with which another shot begins."""
        return self._tracker.cuts

    @property
    def runs(self) -> list[Run]:
        """All faces that were found, also those whose lips do not move."""
        return self._tracker.runs

    def shown(self, run: Run) -> np.ndarray:
        """(n,) float64: how far a new mouth can be shown in each frame of a run, 0 to 1."""
        return self._survey.shown(run) if self._survey else np.ones(run.count)

    def plan(self) -> Plan:
        """What was found.  Raises NoFace, InclinedFace."""
        self._refuse_faceless()
        options, frames = self.options, self._tracker.frames
        spans = self.spoken()
        others = [] if options.who == "all" else [span for span, _ in spans]
        tracks = [track_of(span, frames, others, self._survey, voice) for span, voice in spans]
        turned = (turned_in(span, self._survey) for span, _ in spans)
        gaps = gaps_of(frames, zip(tracks, turned, strict=True))
        return Plan(frames, tuple(tracks), gaps, tuple(self._tracker.cuts))

    def _look(self, run: Run, frame: Frame, face: Face) -> None:
        for each in (self._survey, self._people):
            if each:
                each.look(run, frame, face)

    def spoken(self) -> list[tuple[Span, int]]:
        """The spans of the faces that speak, each with the number of its voice; who has one voice
        is not given another.  Raises NoFace."""
        taken: list[tuple[Span, int]] = []
        pictures = count()
        for voice, who in enumerate(self.options.places):
            alike = self._alike(next(pictures)) if who == PICTURED else None
            spans = chosen(self._tracker.runs, who, self.rate, alike)
            free = [span for span in spans if not any(span.overlaps(other) for other, _ in taken)]
            if not free:
                raise nobody(who, is_taken=bool(spans))
            taken += ((span, voice) for span in free)
        return taken

    def _alike(self, number: int) -> Alike:
        assert self._people  # as many pictures came as the options name
        return partial(self._people.likeness, number=number)

    def _refuse_faceless(self) -> None:
        if self._tracker.runs:
            return
        if self._find.has_refused:
            raise InclinedFace(
                "All faces lie on their side or upside down.",
                "Turn the video or the picture, so that heads are upright.",
            )
        frames, every = self._tracker.frames, self.every
        each = 1 in (frames, every)
        looked = "each was" if each else f"the first and every {every}th after it were"
        raise NoFace(
            f"No face was found in any of the {frames} frames ({looked} looked at).",
            "Give a video or picture in which a face is seen from the front, or name its box.",
        )


def nobody(who: str, is_taken: bool) -> NoFace:
    """None of the faces is the one that is wanted, or whose it is has a voice already."""
    left = " that has no voice yet" if is_taken else ""
    if who == PICTURED:
        return NoFace(
            f"There are faces, but none of the person on the picture{left}.",
            "Give another picture, seen from the front, or say where the face is.",
        )
    return NoFace(
        f"There are faces, but none for `{who}`{left}.",
        "Choose another one, or leave it out for the largest.",
    )


def found_by(options: Options, models: Models) -> Find:
    """What finds the faces in a frame: the detector, unless the client has named the place."""
    if options.box is None:
        # a quick look is less exact; only the transfer aligns faces by their own pixels after it
        return Finder(models, is_quick=options.blend == "transfer").faces
    face = Face(Box(*options.box))
    return lambda _: [face]


def track_of(
    span: Span, frames: int, others: list[Span], survey: Survey | None, voice: int
) -> Track:
    """The track of a span; without a survey steady in the way of the reference."""
    part = slice(span.first - span.run.start, span.stop - span.run.start)
    rows, strength = span.run.rows(), faded(span, frames, others)
    neutral, teeth, within = span.first, None, range(span.first, span.stop)
    if survey is None:
        rows = np.hstack([steady_forward(rows[:, :4]), rows[:, 4:]])
    else:
        rows = steady(rows)
        strength *= survey.shown(span.run)[part]
        neutral = survey.calmest(span.run, within)
        teeth = survey.toothiest(span.run, within, neutral)
    rows, strength = rows[part].astype(np.float32), strength.astype(np.float32)
    return Track(span.first, rows, strength, neutral, voice, teeth)


def turned_in(span: Span, survey: Survey | None) -> np.ndarray:
    """(n,) bool: where the head is turned too far for a new mouth."""
    if survey is None:
        return np.zeros(span.stop - span.first, bool)
    return survey.turned(span.run)[span.first - span.run.start : span.stop - span.run.start]


def faded(span: Span, frames: int, others: list[Span]) -> np.ndarray:
    """Less than 1 near a frame without the face; cuts, the ends of the video, and where one of the
    others takes over, do not count."""
    count = span.stop - span.first
    near = np.full(count, FADE + 1)
    places = np.arange(count)
    comes = span.first > 0 and not (span.run.opens and span.first == span.run.start)
    if comes and not any(other.stop == span.first for other in others):
        near = np.minimum(near, places + 1)
    goes = span.stop < frames and not span.run.closes
    if goes and not any(other.first == span.stop for other in others):
        near = np.minimum(near, count - places)
    return near / (FADE + 1)
