"""The floor: the time of the processor that the generator and the encoder take by themselves."""

import os
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import av
import torch
from cases import Case
from material import RATE, video, weights

from lipsyncd.media.encoders import ENCODERS
from lipsyncd.model.checkpoint import load_checkpoint
from lipsyncd.model.precision import precision_of

BATCHES = 8, 16
FRAMES = 48  # in one measurement of the generator
TIMES = 3  # of which the best counts
CPU = torch.device("cpu")


def floor_seconds(case: Case) -> float:
    """Of a frame of a case."""
    lower = case.blend != "box"
    crf, preset = case.options.get("crf", 18), case.options.get("preset", "veryfast")
    made = generator_seconds(case.width, case.precision, lower)
    return made + encoder_seconds(case.lines, crf, preset)


@cache
@torch.inference_mode()
def generator_seconds(width: str, precision: str, lower: bool) -> float:
    """At its best batch."""
    kind = precision_of(CPU, precision)
    checkpoint = load_checkpoint(weights(width), lambda _: None)
    generator = checkpoint.generator.to(CPU, kind, memory_format=torch.channels_last)
    best = float("inf")
    for batch in BATCHES:
        windows = torch.rand(batch, 1, 80, 16).to(kind)
        faces = torch.rand(batch, 6, generator.side, generator.side).to(kind)
        faces = faces.contiguous(memory_format=torch.channels_last)
        generator(windows, faces, lower)
        for _ in range(TIMES):
            begun = used()
            for _ in range(FRAMES // batch):
                generator(windows, faces, lower)
            best = min(best, (used() - begun) / FRAMES)
    return best


@cache
def encoder_seconds(lines: int, crf: int, preset: str) -> float:
    """x264, of the face itself."""
    frames = decoded(video(lines))
    best = float("inf")
    for _ in range(TIMES):
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height = frames[0].width, frames[0].height
        encoder.pix_fmt, encoder.options = "yuv420p", dict(ENCODERS["h264"].settings(crf, preset))
        encoder.framerate, encoder.time_base = Fraction(RATE), Fraction(1, RATE)
        begun = used()
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = number, encoder.time_base, 0
            encoder.encode(frame)
        encoder.encode(None)
        best = min(best, (used() - begun) / len(frames))
    return best


@cache
def decoder_seconds(lines: int) -> float:
    """H.264, of the face itself."""
    best = float("inf")
    for _ in range(TIMES):
        begun, count = used(), len(decoded(video(lines)))
        best = min(best, (used() - begun) / count)
    return best


def decoded(path: Path, most: int = 100) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(islice(container.decode(video=0), most))


def used() -> float:
    """Seconds of the processor, of all threads of this process."""
    times = os.times()
    return times.user + times.system
