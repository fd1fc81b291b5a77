"""What is measured with: a real face in the sizes of videos, a real sentence, and weights.

Made once, in .cache/bench.
"""

import os
import struct
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from itertools import chain, cycle, islice
from pathlib import Path

import av
import safetensors
from support.checkpoints import SHIPPED, widened, write_safetensors
from support.media.clips import clip
from support.paths import ROOT, VOICES

CACHE = ROOT / ".cache" / "bench"
RATE = 25
SIZES = {720: (1280, 720), 1080: (1920, 1080)}  # by their lines
SECONDS = 10  # of the face: for longer voices it goes back and forth


def video(lines: int = 720) -> Path:
    """Ten seconds of a face, made of a real clip that goes back and forth."""
    path = CACHE / f"face-{lines}p.mp4"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height = SIZES[lines]
        for number, picture in enumerate(pictures(*SIZES[lines])):
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, RATE), 0
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return part.replace(path)


@contextmanager
def unknown(path: Path) -> Iterator[Path]:
    """A copy of a video that no daemon has seen: with some bytes behind it that mean nothing."""
    with tempfile.NamedTemporaryFile(suffix=path.suffix) as copy:
        copy.write(path.read_bytes() + struct.pack(">I4s8s", 16, b"free", os.urandom(8)))
        copy.flush()
        yield Path(copy.name)


def pictures(width: int, height: int) -> Iterator[av.VideoFrame]:
    with av.open(str(clip("single_face.mp4"))) as container:
        once = [
            frame.reformat(width, height, "yuv420p", interpolation="BICUBIC")
            for frame in container.decode(video=0)
        ]
    return islice(cycle(chain(once, once[-2:0:-1])), SECONDS * RATE)


@cache
def recording(seconds: int) -> Path:
    """A real sentence, said over and over."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"voice-{seconds}.wav"
    with (
        wave.open(str(VOICES / "paper.wav"), "rb") as sentence,
        wave.open(str(path), "wb") as file,
    ):
        file.setparams(sentence.getparams())
        once = sentence.readframes(sentence.getnframes())
        size = seconds * sentence.getframerate() * sentence.getsampwidth()
        file.writeframes((once * (size // len(once) + 1))[:size])
    return path


def weights(width: str) -> Path:
    """The shipped weights ("default"), or a generator of full width that makes the same mouths."""
    if width == "default":
        return SHIPPED
    path = CACHE / "full-width.safetensors"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with safetensors.safe_open(str(SHIPPED), "pt") as shipped:
            metadata = shipped.metadata()
        write_safetensors(path.with_suffix(".part"), widened(SHIPPED), metadata).replace(path)
    return path
