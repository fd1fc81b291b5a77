"""A daemon without models, but real files: `python -m support.daemon.reencoding --state ...`.

The face is decoded and encoded again with the voice beside it, by the daemon's own media code; only
the mouth stays as it is, so no models are loaded and a life begins within half a second.

While there is a file `hold` beside the state no render gets beyond its first step; a file `pace`
there holds the seconds that a device would take for a part, a file `clock` those by which the wall
clock was set.
"""

import os
import shutil
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import av
import numpy as np

from lipsyncd.config import Config
from lipsyncd.main import live
from lipsyncd.media.output import Output
from lipsyncd.media.part import PartEncoder, read_packets, write_packets
from lipsyncd.media.result import new_result
from lipsyncd.media.source import Source, examine_source
from lipsyncd.media.timeline import timeline
from lipsyncd.media.voice import Voice, examine_voice
from lipsyncd.protocol.job import Paths, Progress
from lipsyncd.protocol.options import Options
from lipsyncd.render.parts import share_of
from lipsyncd.render.work import Kind, Work, hand_on
from lipsyncd.system.native import set_up_libraries
from support.client.session import Client
from support.daemon.process import DaemonProcess, persisted
from support.daemon.renderers import PacedRenderer, Steps

PROGRAM = "support.daemon.reencoding"
FRAMES = 12
SIDE = 64  # pixels
RATE = 25
OUTPUT = Output(preset="ultrafast", crf=30)
PART = 3  # frames of a part
KEY = b"such a daemon's"  # of what it has finished

Answer = TypeVar("Answer")


class ReencodingDaemon(DaemonProcess):
    """Such a daemon, life after life, from outside."""

    def __init__(self, directory: Path, toml: str = "", state: Path | None = None) -> None:
        self.face = face(directory / "face.mp4")
        self.voice = voice(directory / "voice.wav")
        super().__init__(directory, toml, program=(PROGRAM,), state=state)

    def persist(self, act: Callable[[Client], Answer]) -> Answer:
        """Ask until there is an answer, whoever is killed meanwhile."""
        return persisted(self, act)

    def submit(self, face: Path | None = None, **terms: object) -> str:
        """Hand in a job, however long it takes; its id."""
        return self.persist(lambda client: client.hand_in(face or self.face, self.voice, **terms))

    def hold(self) -> None:
        """No render goes on from now on, so that what comes has to wait."""
        self.state.with_name("hold").touch()

    def pace(self, seconds: float) -> None:
        """From now on a part takes so long."""
        self.state.with_name("pace").write_text(str(seconds))

    def let_go(self) -> None:
        """Every render goes on."""
        self.state.with_name("hold").unlink()

    def end_of(self, job: str) -> Any:
        """The job as it ended, in whatever life."""
        return self.persist(lambda client: client.end_of(job))

    def spooled(self) -> set[str]:
        """The files in the spool."""
        spool = self.state / "spool"
        return {str(path.relative_to(spool)) for path in spool.rglob("*") if path.is_file()}


@contextmanager
def reencoding_daemon(
    directory: Path, toml: str = "", state: Path | None = None
) -> Iterator[ReencodingDaemon]:
    """A daemon that serves, and is told to stop at the end."""
    with ReencodingDaemon(directory, toml, state) as daemon:
        daemon.persist(lambda client: client.ask("health"))
        yield daemon
        assert daemon.end() == 0


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


def voice(path: Path, frames: int = FRAMES) -> Path:
    """A tone that is as long as so many frames."""
    rate = 16000
    seconds = np.arange(rate * frames // RATE) / rate
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


def render(options: Options, paths: Paths, *_: object) -> Steps:
    while paths.face.parents[3].joinpath("hold").exists():
        time.sleep(0.01)
        yield Progress(0, FRAMES, 0)
    voice = examine_voice(paths.voices[0], "The voice")
    source = examine_source(paths.face, "The face")
    total = round(voice.seconds * source.rate)
    part = paths.result.with_name("result.part")
    try:
        with part.open("w+b") as file, kept_in(paths.work) as kept:
            work = Work(kept, KEY)
            wanted = share_of(options.share, -(-total // PART))
            pace = paths.face.parents[3] / "pace"
            seconds = float(pace.read_text()) if pace.exists() else 0.0
            for done in made(work, wanted, source, options, total=total, seconds=seconds):
                yield Progress(done, total, done)
            if options.share:
                hand_on(work, wanted, file)
            else:
                join(work, source, voice, file)
        part.replace(paths.result)
        paths.work.unlink(missing_ok=True)
    finally:
        part.unlink(missing_ok=True)


def kept_in(path: Path) -> BinaryIO:
    """What was finished before, if it came with the job."""
    return path.open("r+b") if path.exists() else in_memory()


def made(
    work: Work, wanted: range, source: Source, options: Options, *, total: int, seconds: float
) -> Iterator[int]:
    """Make the wanted parts that are missing, of PART frames each, in so many seconds at least; how
    many frames there are."""
    done = min(PART * len(work.of(Kind.PART)), total)
    yield done
    for number in sorted(set(wanted) - work.of(Kind.PART).keys()):
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            time.sleep(min(seconds, 0.02))
            yield done
        encoder, first = PartEncoder(source, OUTPUT), PART * number
        frames = timeline(source, FRAMES, options.extend, first)
        with work.added(Kind.PART, number) as file:
            for frame in islice(frames, min(PART, total - first)):
                write_packets(encoder.packets(frame.picture), file)
                done += 1
                yield done
            write_packets(encoder.packets(None), file)
        work.settle()


def join(work: Work, source: Source, voice: Voice, file: BinaryIO) -> None:
    """All parts as one file, of which a disk that is full has an error and the muxer none."""
    with in_memory() as made:
        with new_result(made, source, [voice], OUTPUT) as result:
            for _, record in sorted(work.of(Kind.PART).items()):
                result.add(read_packets(work.reading(record), 1 / source.rate))
        made.seek(0)
        shutil.copyfileobj(made, file)


def in_memory() -> BinaryIO:
    """A file that takes no disk."""
    return os.fdopen(os.memfd_create("reencoding"), "w+b")


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
