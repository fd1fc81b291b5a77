"""A render in process: what the daemon's own does, without a daemon."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from lipsyncd.config import Render
from lipsyncd.media.spooled import Spooled
from lipsyncd.model.residency import Wanted, load_models
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import render
from lipsyncd.render.scene import Files
from support.checkpoints import SHIPPED, InProcess
from support.paths import ROOT

GOLDEN = ROOT / ".cache/quality/golden"


@dataclass(frozen=True)
class Settings:
    """As an operator has them who changes nothing."""

    crf: int = Render.crf
    preset: str = Render.preset
    detect_every: int = Render.detect_every
    max_voice_seconds: int = 3600


def models_of(checkpoint: Path = SHIPPED) -> InProcess:
    """The models with this generator, on the CPU."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    return InProcess(load_models(Wanted("cpu", checkpoint, 0, GOLDEN), lambda _: None))


def rendered(
    face: Path,
    voice: Path,
    result: Path,
    *,
    models: InProcess,
    options: Options,
    settings: Settings,
) -> Path:
    """The result, written to its path.  Raises what a render raises."""
    descriptors = [os.open(path, os.O_RDONLY) for path in (face, voice)]
    try:
        with result.open("w+b") as file, TemporaryFile() as work:
            source, sound = map(Spooled, descriptors)
            files = Files(source, (sound,), file, work)
            deque(render(options, files, models, settings), maxlen=0)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return result
