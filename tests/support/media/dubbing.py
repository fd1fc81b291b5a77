"""A render up to the encoder: its plan, its takes, and the pictures that are made of them."""

import weakref
from collections.abc import Generator, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile

import av

from lipsyncd.face.blend import Asked
from lipsyncd.protocol.options import Options
from lipsyncd.render.dub import batched, blend_of, dub
from lipsyncd.render.process import Settings
from lipsyncd.render.scene import Files, Scene, Take, key_of, staged
from lipsyncd.render.work import Work
from support.checkpoints import InProcess

SETTINGS = Settings(crf=18, preset="veryfast", detect_every=5, max_voice_seconds=600)
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
        self._total, self._models = total, models
        kept = TemporaryFile()  # noqa: SIM115 - the voice is heard from it
        weakref.finalize(self, kept.close)
        files = Files(face, (voice,), BytesIO(), kept)
        options = options or Options()
        work = Work(kept, key_of(options, models, SETTINGS))
        self.scene = ended(staged(work, files, options, models, SETTINGS))

    def pictures(self, first: int = 0, stop: int | None = None) -> Iterator[Picture]:
        """Of these frames alone: each take, what was asked for it, and its picture."""
        wanted = list(self.scene.takes(range(self._total)[first:stop]))
        blend = blend_of(self.scene, self._models)
        made = dub(batched(iter(wanted), self.scene, self._models), blend, self._models)
        for take, (_, picture) in zip(wanted, made, strict=True):
            yield take, [blend.ask(take.frame, seen) for seen in take.seen], picture


def ended(steps: Generator[object, None, Scene]) -> Scene:
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
