"""The warm-up: one small render of made-up media, so that the first job meets no first use.

Everything on a job's way (template, codecs, mel, generator, encoder) is used once before READY.
"""

import math
import struct
import wave
import zlib
from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

from lipsyncd.errors import InputError, WarmUpFailed
from lipsyncd.processes.render import Crashed, Stalled
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options

SECONDS = 1.0
TONE = 220  # Hz
SAMPLE_RATE = 22050  # not the mel's own, so that the resampler is used, too
RATE = 25  # frames a second of what is made of a still
SIDE = 192  # pixels of the made-up picture
FILES = "face", "voice", "result", "work"
FACE = (48, 48, 144, 144)  # where it pretends to have a face

Render = Callable[[Options, Paths], Generator[Progress, None, None]]


def warm_up(render: Render) -> None:
    """Use everything once.  Raises WarmUpFailed, and what is not the media's fault."""
    with TemporaryDirectory(prefix="lipsyncd-") as folder:
        face, voice, result, work = (Path(folder, each) for each in FILES)
        paths = Paths(face, (voice,), result, work)
        paths.face.write_bytes(picture())
        write_tone(paths.voices[0])
        try:
            *_, last = render(Options(box=FACE), paths)
        except (InputError, Crashed, Stalled) as error:
            raise WarmUpFailed(f"The warm-up render failed: {error}", "Read the log.") from error
        refuse_short(last)


def picture() -> bytes:
    """A grey gradient as PNG (RFC 2083)."""
    line = b"\0" + bytes(255 * column // (SIDE - 1) for column in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)  # 8 bits of grey
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(line * SIDE)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    sum_of = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_of)


def write_tone(path: Path) -> None:
    """A tone as WAV."""
    count = round(SECONDS * SAMPLE_RATE)
    samples = (round(8000 * math.sin(TONE * math.tau * n / SAMPLE_RATE)) for n in range(count))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(struct.pack(f"<{count}h", *samples))


def refuse_short(last: Progress) -> None:
    if last.done != round(SECONDS * RATE):
        raise WarmUpFailed(
            f"The warm-up render made {last.done} frames.", "Reinstall PyAV; its encoder is broken."
        )
