"""The warm-up: one small render of made-up media, so that the first job meets no first use.

Every library on a job's way (codecs, mel, detector, generator) is used once before READY.
"""

import math
import struct
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from lipsyncd.errors import InputError, WarmUpFailed
from lipsyncd.media.source import examine_source
from lipsyncd.model.current import CurrentModels
from lipsyncd.model.residency import Models
from lipsyncd.protocol.job import Paths
from lipsyncd.protocol.options import Options
from lipsyncd.render.pipeline import Settings, render

SECONDS = 1.0
TONE = 220  # Hz
SAMPLE_RATE = 22050  # not the mel's own, so that the resampler is used, too
SIDE = 192  # pixels of the made-up picture
FACE = (48, 48, 144, 144)  # where it pretends to have a face


def warm_up(models: Models, settings: Settings) -> None:
    """Use everything once.  Raises WarmUpFailed."""
    with TemporaryDirectory(prefix="lipsyncd-") as folder:
        paths = Paths(Path(folder, "face"), Path(folder, "voice"), Path(folder, "result"))
        write_picture(paths.face)
        write_tone(paths.voice)
        try:
            look_once(models, paths.face)
            for _ in render(Options(box=FACE), paths, CurrentModels(models).for_job(), settings):
                pass
        except InputError as error:
            raise WarmUpFailed(f"The warm-up render failed: {error.message}", error.hint) from error
        refuse_empty(paths.result)


def look_once(models: Models, face: Path) -> None:
    detector = models.new_detector()
    for frame in examine_source(face, "The warm-up's picture").frames():
        detector.faces(frame)


def write_picture(path: Path) -> None:
    """A grey gradient as PNG."""
    shade = np.linspace(0, 255, SIDE, dtype=np.uint8)
    encoded, png = cv2.imencode(".png", np.dstack([np.tile(shade, (SIDE, 1))] * 3))
    assert encoded
    path.write_bytes(png.tobytes())


def write_tone(path: Path) -> None:
    """A tone as WAV."""
    count = round(SECONDS * SAMPLE_RATE)
    samples = (round(8000 * math.sin(TONE * math.tau * n / SAMPLE_RATE)) for n in range(count))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(struct.pack(f"<{count}h", *samples))


def refuse_empty(result: Path) -> None:
    source = examine_source(result, "The warm-up's result")
    frames = sum(1 for _ in source.frames())
    if frames != round(SECONDS * source.rate):
        raise WarmUpFailed(
            f"The warm-up render made {frames} frames.", "Reinstall PyAV; its encoder is broken."
        )
