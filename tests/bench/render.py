"""What a render costs: `make bench`, or `PYTHONPATH=tests python tests/bench/render.py [--long]`.

A daemon on the device it chooses itself, and the real command line.  Each figure is a JSON line on
stdout, and on stderr a row for people, beside what the reference reached.  `--long` adds a render
of ten minutes of voice: with two cores and no GPU that takes minutes.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain, cycle, islice
from pathlib import Path

import av
from support.daemon.process import DaemonProcess, children, spawn
from support.media.clips import clip
from support.paths import ROOT, VOICES

CACHE = ROOT / ".cache" / "bench"
RATE, SIZE = 25, (1280, 720)
SECONDS, BACK_AND_FORTH_SECONDS, LONG_SECONDS = 10, 60, 600
RUNS, PAIRS, ASKED = 5, 3, 20
LOOK_SECONDS = 0.5  # between two looks at the memory: more often they would cost pace
MEBI = 1 << 20


@dataclass(frozen=True)
class Figure:
    """One measured number, and the same of the reference, in words, where it is known."""

    name: str
    value: float
    unit: str
    reference: str = ""


class Daemon(DaemonProcess):
    """A daemon that is timed from its start, and tells here when it is ready."""

    def __init__(self, directory: Path, toml: str = "") -> None:
        path = str(directory / "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(path)
        self.manager.settimeout(1)
        self.begun = time.monotonic()
        super().__init__(directory, toml, environment={"NOTIFY_SOCKET": path})
        self._peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def seconds_to_ready(self) -> float:
        """The seconds from its start until it says READY, which are waited for."""
        heard = b""
        while b"READY=1" not in heard:
            if not self.is_alive:
                raise SystemExit(self.log)
            with suppress(TimeoutError):
                heard = self.manager.recv(1 << 16)
        return time.monotonic() - self.begun

    def ctl(self, *words: str) -> subprocess.Popen[bytes]:
        words = ("-m", "lipsyncctl", "--socket", self.socket, *words)
        return spawn(*words, log=Path(os.devnull), stdout=subprocess.DEVNULL)

    def render(self, face: Path, voice: Path, jobs: int = 1) -> float:
        """The seconds from the command to the result; of several at once, to the last one."""
        words, out = ("run", "-a", str(voice), str(face), "-o"), self.directory / "out"
        begun = time.monotonic()
        asked = [self.ctl(*words, f"{out}{number}.mp4") for number in range(jobs)]
        if any([each.wait() for each in asked]):
            raise SystemExit(self.log)
        return time.monotonic() - begun

    def peak_bytes(self) -> int:
        """The most memory that the daemon and its processes had at once, as far as was seen."""
        return self._peak

    def _watch(self) -> None:
        """A thread: look at the memory again and again."""
        while self.is_alive:
            own = [self.pid, *children(self.pid)]
            self._peak = max(self._peak, sum(map(resident_bytes, own)))
            time.sleep(LOOK_SECONDS)


def resident_bytes(pid: int) -> int:
    """Of a process, what it shares with others counted by its part; 0 if it has ended."""
    with suppress(OSError):
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) * 1024 if found else 0
    return 0


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon that has just been started, and is stopped at the end."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Daemon(Path(directory)) as fresh,
        fresh.manager,
    ):
        yield fresh
        fresh.end()


def figures(is_long: bool) -> Iterator[Figure]:
    """Each as soon as it is measured."""
    face = video()
    voice = recording(SECONDS)
    with daemon() as fresh:
        yield Figure("exec to ready", fresh.seconds_to_ready(), "s")
        yield Figure("health, CPU time (median)", 1000 * health_cpu_seconds(fresh), "ms")
        yield Figure("first 10 s of 720p on a ready daemon", fresh.render(face, voice), "s")
        short_peak = fresh.peak_mib()
        yield Figure("peak memory, 10 s of 720p", short_peak, "MiB", "3.1 GB")
        rates = sorted(SECONDS * RATE / fresh.render(face, voice) for _ in range(RUNS))
        yield Figure(
            f"10 s of 720p, end to end (median of {RUNS})", statistics.median(rates), "fps", "14.5"
        )
        yield Figure(f"10 s of 720p, end to end (worst of {RUNS})", rates[0], "fps", "14.5")
        ratio = statistics.median(time_at_once(fresh, face, voice) for _ in range(PAIRS))
        yield Figure("two jobs at once, against one after the other", ratio, "times")
        yield Figure(
            "peak memory, two jobs at once, against one", fresh.peak_mib() / short_peak, "times"
        )
    if is_long:
        yield from long_figures(face, short_peak)


def long_figures(face: Path, short_peak: int) -> Iterator[Figure]:
    with daemon() as fresh:
        fresh.seconds_to_ready()
        fresh.render(face, recording(BACK_AND_FORTH_SECONDS))
        growth = fresh.peak_mib() / short_peak
    yield Figure("peak memory, 60 s of voice on 10 s of face", growth, "times")
    with daemon() as fresh:
        fresh.seconds_to_ready()
        rate = LONG_SECONDS * RATE / fresh.render(repeated(face), recording(LONG_SECONDS))
        peak = fresh.peak_mib()
    yield Figure("600 s of 720p, end to end", rate, "fps", "14.4 at 60 s")
    yield Figure("peak memory, 600 s of 720p", peak, "MiB", "6.6 GB at 60 s")
    yield Figure("peak memory, 600 s against 10 s", peak / short_peak, "times", "2.1 at 60 s")


def time_at_once(ready: Daemon, face: Path, voice: Path) -> float:
    """How long two jobs take at once, by how long they take one after the other."""
    one_by_one = [ready.render(face, voice) for _ in range(2)]
    return ready.render(face, voice, jobs=2) / sum(one_by_one)


def health_cpu_seconds(ready: Daemon) -> float:
    """User and system time of `lipsyncctl health`."""
    spent = []
    for _ in range(ASKED):
        asking = ready.ctl("health")
        _, _, usage = os.wait4(asking.pid, 0)
        asking.returncode = 0
        spent.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(spent)


def video() -> Path:
    """Ten seconds of a face at 720p, made of a real clip that goes back and forth."""
    path = CACHE / "face-720p.mp4"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    with av.open(str(clip("single_face.mp4"))) as container:
        pictures = [
            frame.reformat(*SIZE, "yuv420p", interpolation="BICUBIC")
            for frame in container.decode(video=0)
        ]
    there_and_back = cycle(chain(pictures, pictures[-2:0:-1]))
    part = path.with_suffix(".part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height = SIZE
        for number, picture in enumerate(islice(there_and_back, SECONDS * RATE)):
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, RATE), 0
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return part.replace(path)


def repeated(face: Path) -> Path:
    """The face for as long as the longest voice, its packets copied over and over."""
    path = CACHE / "face-720p-long.mp4"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with av.open(str(face)) as source, av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for turn in range(LONG_SECONDS // SECONDS):
            source.seek(0)
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    shift = int(turn * SECONDS / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    container.mux(packet)
    return part.replace(path)


def recording(seconds: int) -> Path:
    """A real sentence, said over and over."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures what a render costs.")
    parser.add_argument("--long", action="store_true", help="also ten minutes of voice")
    is_long = parser.parse_args().long
    if is_long:
        tell("This also renders ten minutes of voice, which takes minutes.")
    tell(f"{'':48}{'lipsyncd':>16}   the reference, without its detection")
    for figure in figures(is_long):
        value = f"{figure.value:.{2 if figure.unit == 'times' else 1}f} {figure.unit}"
        tell(f"{figure.name:48}{value:>16}   {figure.reference}")
        print(json.dumps(asdict(figure)), flush=True)


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
