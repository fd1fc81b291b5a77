"""A render up to the encoder: its plan, its takes, and the pictures that are made of them."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import av

from lipsyncd.face.blend import Asked
from lipsyncd.media.source import examine_source, timeline
from lipsyncd.protocol.options import Options
from lipsyncd.render.hearing import hear
from lipsyncd.render.pipeline import blend_of, dub
from lipsyncd.render.plan import Plan, Planner
from lipsyncd.render.scene import Take, takes_of
from support.checkpoints import InProcess
from support.media.synthetic import examined

EVERY = 5  # frames between two looks for a face
Picture = tuple[Take, list[Asked], av.VideoFrame]


class Dubbing:
    """`total` frames of a face that speaks with a voice."""

    def __init__(
        self,
        face: Path,
        voice: Path,
        total: int,
        models: InProcess,
        options: Options | None = None,
    ) -> None:
        self._voice, self._total, self._models = examined(voice), total, models
        self.options = options or Options()
        self.source = examine_source(face, "The face")
        planner = Planner(self.options, models, EVERY, self.source.rate)
        for _ in planner.look(islice(self.source.frames(), total)):
            pass
        self.plan: Plan = planner.plan()

    def pictures(self, first: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Of these frames alone: each take, what was asked for it, and its picture."""
        frames = timeline(self.source, self._total, self.options.extend)
        windows = zip(hear(self._voice, self.source, self.options, self._models), strict=True)
        takes = takes_of(frames, windows, self.plan, self.source, self.options)
        wanted = list(islice(takes, first, stop))
        blend = blend_of(self.options, self.source, self._models)
        pictures = chain.from_iterable(
            batch.pictures for batch in dub(iter(wanted), blend, self._models)
        )
        for take, picture in zip(wanted, pictures, strict=True):
            yield take, [blend.ask(take.frame, seen) for seen in take.seen], picture
