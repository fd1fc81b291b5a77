"""A daemon whose renders are tiny but real: `tiny.py --state ... --socket ... [--config ...]`.

The face is decoded and encoded again with the voice beside it, by the daemon's own media code; only
the mouth stays as it is, so no models are loaded and a life begins within half a second.

While there is a file `hold` beside the state no render gets beyond its first step; a file `clock`
there holds the seconds by which the wall clock was set.
"""

import sys
import time
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from paced import PacedRenderer, Steps

from lipsyncd.config import Config
from lipsyncd.main import live
from lipsyncd.media.result import new_result
from lipsyncd.media.source import examine_source, timeline
from lipsyncd.media.voice import examine_voice
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.system.native import set_up_libraries

FRAMES = 12
SIDE = 64  # pixels
RATE = 25


def face(path: Path) -> Path:
    """A video of FRAMES frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            picture = np.full((SIDE, SIDE, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
        container.mux(stream.encode(None))
    return path


def voice(path: Path) -> Path:
    """A tone that is as long as FRAMES frames."""
    rate = 16000
    seconds = np.arange(rate * FRAMES // RATE) / rate
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((8000 * np.sin(2765 * seconds)).astype("<i2").tobytes())
    return path


def frames_in(path: Path) -> int:
    """How many pictures a whole video has; raises av.FFmpegError if it is not whole."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def render(options: Options, paths: Paths) -> Steps:
    while paths.face.parents[3].joinpath("hold").exists():
        time.sleep(0.01)
        yield Progress(0, FRAMES, 0)
    voice = yield from examine_voice(paths.voice, "The voice")
    source = examine_source(paths.face, "The face")
    total = round(voice.seconds * source.rate)
    part = paths.result.with_name("result.part")
    try:
        with (
            part.open("w+b") as file,
            new_result(file, source, voice, "ultrafast", 30) as result,
        ):
            for frame in timeline(source, total, options.extend):
                result.write(frame.picture)
                yield Progress(result.frames, total, result.frames)
        part.replace(paths.result)
    finally:
        part.unlink(missing_ok=True)


def load(_config: Config, _report: Callable[[str], None]) -> PacedRenderer:
    set_up_libraries()
    return PacedRenderer(render)


def set_clock(offset: Path) -> None:
    """From now on the wall clock is off by what the file says, as long as it is there."""
    right = time.time

    def wall() -> float:
        return right() + (float(offset.read_text()) if offset.exists() else 0.0)

    time.time = wall


if __name__ == "__main__":
    set_clock(Path(sys.argv[sys.argv.index("--state") + 1]).with_name("clock"))
    sys.exit(live(load))
